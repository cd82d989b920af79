"""A released model: its files, figures and card."""
