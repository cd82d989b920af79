"""One source end to end: score, decide, keep clips; the builder and the set that runs."""
