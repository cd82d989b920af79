"""Trials and comparisons behind the documents; nothing imports them."""
