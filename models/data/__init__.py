"""Recordings, recipes and batches: what networks learn from."""
