"""The command line: one file for each verb, with its arguments and what it calls.

Torch is imported when a verb runs, not before, so that `--help` works without it.
"""
