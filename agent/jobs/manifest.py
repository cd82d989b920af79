"""A data set's `manifest.csv`, as training reads it: one row per file, with label and split.

Files of one session, `LABEL-TIME-1.flac` and so on, are in the same split.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from agent.core import files

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
VALIDATION_EVERY = 4  # sessions of a label; the second one validates, too


def split(folder: Path, label: str) -> str:
    """The split of the next session of that label: `train` or `val`."""
    sessions = {session for other, session in _sessions(folder / NAME) if other == label}
    return (
        "val"
        if len(sessions) == 1 or len(sessions) % VALIDATION_EVERY == VALIDATION_EVERY - 1
        else "train"
    )


def append(folder: Path, row: dict[str, str]) -> None:
    """Adds a row at the end, in the columns that the file has; the file is replaced at once."""
    manifest = folder / NAME
    text = manifest.read_text(encoding="utf-8-sig") if manifest.is_file() else ""
    columns = next(csv.reader(text.splitlines()), list(COLUMNS))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore", restval="", lineterminator="\n")
    if not text:
        writer.writeheader()
    elif not text.endswith("\n"):
        out.write("\n")
    writer.writerow(row)
    files.write(manifest, (text + out.getvalue()).encode())


def _sessions(manifest: Path) -> Iterator[tuple[str, str]]:
    """(label, session) of each file."""
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                yield row["label"], row["file"].rpartition("-")[0] or row["file"]
