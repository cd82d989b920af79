"""One file a verb: its arguments, and what it does with them.

Torch is imported when a verb runs, not before: without it the verbs still explain themselves.
"""
