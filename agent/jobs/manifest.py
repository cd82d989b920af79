"""A data set's `manifest.csv`, as training reads it: a row a file, its label and its split.

Files of one session, `LABEL-TIME-1.flac` and so on, stand on the same side of the split.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

NAME = "manifest.csv"
COLUMNS = (
    "file",
    "label",
    "split",
    "rate_hz",
    "scale",
    "unit",
    "rpm",
    "seconds",
    "source",
    "start",
)
HELD = 4  # every fourth session of a label validates, and the second, so that one of two does


def split(folder: Path, label: str) -> str:
    """Whether the next session of that label trains or validates."""
    sessions = {session for named, session in _sessions(folder / NAME) if named == label}
    return "val" if len(sessions) == 1 or len(sessions) % HELD == HELD - 1 else "train"


def append(folder: Path, row: dict[str, str]) -> None:
    """Puts a row behind the others, in the columns that the file has."""
    manifest = folder / NAME
    fresh = not manifest.is_file()
    columns = list(COLUMNS)
    if not fresh:
        with manifest.open(newline="") as file:
            columns = next(csv.reader(file), columns)
    with manifest.open("a", newline="") as file:
        writer = csv.DictWriter(
            file, columns, extrasaction="ignore", restval="", lineterminator="\n"
        )
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def _sessions(manifest: Path) -> Iterator[tuple[str, str]]:
    """(label, session) of each file."""
    if manifest.is_file():
        with manifest.open(newline="") as file:
            for row in csv.DictReader(file):
                yield row["label"], row["file"].rpartition("-")[0] or row["file"]
