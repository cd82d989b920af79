"""Figures, reports and charts of a model."""
