"""Readers of formats that need a library of their own, which only a child process loads.

A reader's `open_file(path, variable)` gives a `Recording`. `variable` is a pattern of names where
a file holds several signals, '' for all; `UserError` for what cannot be read. A new format is a
module and a line in `agent.sources.formats.table`.
"""
