"""Processes that a process has started."""

from pathlib import Path


def children(number: int | str = "self") -> set[int]:
    """Of a process, by its number."""
    found = set()
    for task in Path(f"/proc/{number}/task").iterdir():
        found |= {int(child) for child in (task / "children").read_text().split()}
    return found
