"""Damaged recordings: read as far as they go, or refused in one line."""
