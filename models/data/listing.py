"""What a data set holds: files with labels and splits, before any of them is read.

A folder has a `manifest.csv` (at least file, label, split; rate_hz and scale where the file does
not say, variable where a MATLAB file holds several) or one folder per label. A split is of
recordings, never of windows: the windows of one recording never stand on both sides. Free of
torch.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.errors import UserError

SUFFIXES = (".wav", ".flac", ".ogg", ".aiff", ".csv", ".npy", ".mat")
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Entry:
    """One file of a data set, before it is read. `scale` has one factor a channel, or none.

    `rate_hz` is 0 where the manifest leaves it to the file; `variable` is a pattern (MATLAB).
    """

    path: Path
    label: str
    split: str
    rate_hz: float
    scale: tuple[float, ...]
    severity: str = ""
    variable: str = ""
    rpm: float = 0.0  # of the shaft; 0: not known


def entries(folder: Path, variable: str = "") -> list[Entry]:
    """All files of a data set with their labels and splits; UserError where it is not one.

    `variable` is for MATLAB files of which the manifest does not say it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: found no such folder, expected recordings")
    found = _listed(folder) if (folder / MANIFEST).is_file() else _per_label(folder)
    if not found:
        raise UserError(f"{folder}: found no recordings, expected {MANIFEST} or a folder per label")
    return [replace(entry, variable=entry.variable or variable) for entry in found]


def _listed(folder: Path) -> list[Entry]:
    path = folder / MANIFEST
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label", "split"} - set(rows.fieldnames or ())
        if missing:
            raise UserError(f"{path}: found no column {', '.join(sorted(missing))}")
        return [_row(folder, line, row) for line, row in enumerate(rows, start=2)]


def _row(folder: Path, line: int, row: dict[str, str]) -> Entry:
    where = f"{folder / MANIFEST} line {line}"
    path = folder / row["file"]
    if not path.is_file():
        raise UserError(f"{where}: found no file {row['file']}")
    try:
        rate_hz = float(row.get("rate_hz") or 0)
        scale = tuple(float(factor) for factor in (row.get("scale") or "").split("|") if factor)
        rpm = float(row.get("rpm") or 0)
    except ValueError as error:
        raise UserError(f"{where}: rate_hz, scale or rpm: {error}") from None
    rest = (row.get("severity") or "", row.get("variable") or "", rpm)
    return Entry(path, row["label"], row["split"], rate_hz, scale, *rest)


def _per_label(folder: Path) -> list[Entry]:
    """Every fourth recording of a label validates; of fewer than four, the last."""
    found = []
    places = [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
    for place in sorted(places):
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{place}: found no recordings, expected {', '.join(SUFFIXES)}")
        if len(files) == 1:
            raise UserError(f"{place}: found one recording, expected two: to train and to validate")
        held = set(files[3::4] or files[-1:])
        found += [Entry(f, place.name, "val" if f in held else "train", 0.0, ()) for f in files]
    return found
