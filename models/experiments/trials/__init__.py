"""The trials of docs/TRIALS.md."""
