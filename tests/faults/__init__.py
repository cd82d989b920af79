"""Faults injected into the real process with a real broker; `python -m tests.faults` runs them.

Each injection is a function of a `World` that returns what it counted. The words for it, and for
what must be so, stand beside the function; `docs/RELIABILITY.md` holds the last table.
"""
