"""Processes that a process has started."""

import contextlib
from pathlib import Path


def children(number: int | str = "self") -> set[int]:
    """Of a process, by its number."""
    found = set()
    for task in Path(f"/proc/{number}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found
