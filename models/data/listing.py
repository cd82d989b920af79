"""The files of a data set with their labels and splits, before any file is read.

A folder has a `manifest.csv` or one folder per label. A manifest has the columns file, label and
split; it also has rate_hz and scale where the files do not hold them, and variable where a MATLAB
file holds several signals. A split divides recordings, never the windows of one. Free of torch.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.errors import ConditionError, DataError
from agent.sources.formats import table

SUFFIXES = (".wav", ".flac", ".ogg", ".aiff", ".csv", ".npy", *table.SUFFIXES)
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Entry:
    """One file of a data set, before it is read. `scale` has one factor a channel, or none.

    `rate_hz` is 0 where the file holds it; `variable` is a pattern of a file's signals.
    """

    path: Path
    label: str
    split: str
    rate_hz: float
    scale: tuple[float, ...]
    severity: str = ""
    variable: str = ""
    rpm: float = 0.0  # of the shaft; 0: unknown


def entries(folder: Path, variable: str = "") -> list[Entry]:
    """All files of a data set; raises DataError where `folder` is no data set.

    `variable` is used where the manifest has none.
    """
    if not folder.is_dir():
        raise ConditionError(f"{folder}: found no such folder, expected recordings")
    listed = _listed(folder) if (folder / MANIFEST).is_file() else _per_label(folder)
    if not listed:
        raise DataError(f"{folder}: found no recordings, expected {MANIFEST} or a folder per label")
    return [replace(entry, variable=entry.variable or variable) for entry in listed]


def _listed(folder: Path) -> list[Entry]:
    path = folder / MANIFEST
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label", "split"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(f"{path}: found no column {', '.join(sorted(missing))}")
        return [_row(folder, line, row) for line, row in enumerate(rows, start=2)]


def _row(folder: Path, line: int, row: dict[str, str]) -> Entry:
    where = f"{folder / MANIFEST} line {line}"
    path = folder / row["file"]
    if not path.is_file():
        raise DataError(f"{where}: found no file {row['file']}")
    try:
        rate_hz = float(row.get("rate_hz") or 0)
        scale = tuple(float(factor) for factor in (row.get("scale") or "").split("|") if factor)
        rpm = float(row.get("rpm") or 0)
    except ValueError as error:
        raise DataError(f"{where}: rate_hz, scale or rpm: {error}") from None
    rest = (row.get("severity") or "", row.get("variable") or "", rpm)
    return Entry(path, row["label"], row["split"], rate_hz, scale, *rest)


def _per_label(folder: Path) -> list[Entry]:
    """Every fourth recording of a label is for validation; of fewer than four, the last."""
    listed = []
    folders = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    for place in sorted(folders):
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{place}: found no recordings, expected {', '.join(SUFFIXES)}")
        if len(files) == 1:
            raise DataError(f"{place}: found one recording, expected two: to train and to validate")
        val = set(files[3::4] or files[-1:])
        listed += [Entry(f, place.name, "val" if f in val else "train", 0.0, ()) for f in files]
    return listed
