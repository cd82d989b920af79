"""Cluttered digits: thresholds on images."""
