"""Signed model bundles, tried beside the model that runs before they take its place."""
