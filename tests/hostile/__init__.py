"""Untrusted bytes at every decoder: `python -m tests.hostile`, and a sample of it in the tests."""
