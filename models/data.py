"""Recordings from folders: read, scaled, brought to the model's rate, cut into windows.

A folder has a `manifest.csv` (at least file, label, split; rate_hz and scale where the audio
file does not say) or one folder per label. A split is of recordings, never of windows: the
windows of one recording never stand on both sides. Free of torch.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from agent import bearing
from agent.bearing import UNKNOWN, Running
from agent.errors import UserError
from models.recipe import Source

Array = npt.NDArray[np.float32]
AUDIO = (".wav", ".flac", ".ogg", ".aiff")
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Entry:
    """One file of a data set, before it is read. `scale` has one factor a channel, or none."""

    path: Path
    label: str
    split: str
    rate_hz: float
    scale: tuple[float, ...]
    severity: str = ""
    rpm: float = 0.0  # of the shaft; 0: not known


@dataclass(frozen=True)
class Recording:
    """One recording at the model's rate: `samples` [channels, frames] float32."""

    machine: str  # the data set, or 'simulated'
    file: str
    label: str
    samples: Array
    severity: str = ""
    running: Running = UNKNOWN


def entries(folder: Path) -> list[Entry]:
    """All files of a data set with their labels and splits; UserError where it is not one."""
    if not folder.is_dir():
        raise UserError(f"{folder}: found no such folder, expected recordings")
    found = _listed(folder) if (folder / MANIFEST).is_file() else _per_label(folder)
    if not found:
        raise UserError(f"{folder}: found no recordings, expected {MANIFEST} or a folder per label")
    return found


def labels(folder: Path) -> tuple[str, ...]:
    """The labels of a data set, in alphabetical order."""
    return tuple(sorted({entry.label for entry in entries(folder)}))


def load(
    root: Path, source: Source, splits: Sequence[str], known: Sequence[str], rate_hz: float
) -> list[Recording]:
    """The recordings of those splits at `rate_hz`; UserError for a label not in `known`."""
    folder = root / source.folder
    chosen = [entry for entry in entries(folder) if entry.split in splits]
    if not chosen:
        raise UserError(f"{folder}: found no recording in split {'|'.join(splits)}")
    for entry in chosen:
        if entry.label not in known:
            expected = ", ".join(known)
            raise UserError(f"{entry.path}: label: found {entry.label!r}, expected {expected}")
    machine = Path(source.folder).name
    return [
        Recording(
            machine,
            file=str(entry.path.relative_to(folder)),
            label=entry.label,
            samples=read(entry, source, rate_hz),
            severity=entry.severity,
            running=bearing.running(entry.rpm, source.bearing.orders if source.bearing else None),
        )
        for entry in chosen
    ]


def read(entry: Entry, source: Source, rate_hz: float) -> Array:
    """[channels, frames] in the recording's unit at `rate_hz`: the agent's own resampler, HQ."""
    try:
        kind = "int16" if entry.scale else "float32"
        samples, file_rate_hz = soundfile.read(entry.path, dtype=kind, always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{entry.path}: {error}, expected a recording") from None
    found, wanted = samples.shape[1], 1 + max(source.channels)  # samples [frames, channels]
    if found < wanted or len(entry.scale) not in (0, found):
        raise UserError(f"{entry.path}: found {found} channels, expected {wanted}, each scaled")
    scaled = samples * np.asarray(entry.scale or 1.0)
    picked = scaled[:, list(source.channels)]
    resampled = soxr.resample(picked, entry.rate_hz or file_rate_hz, rate_hz, quality="HQ")
    return np.ascontiguousarray(resampled.T, np.float32)


def windows(recording: Recording, window: int, count: int) -> Array:
    """`count` windows [count, channels, window], evenly spread (they overlap if they must)."""
    frames = recording.samples.shape[-1]
    if frames < window:
        raise UserError(f"{recording.file}: found {frames} frames, expected at least {window}")
    starts = np.linspace(0, frames - window, count).astype(int)
    return np.stack([recording.samples[:, start : start + window] for start in starts])


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
    severity = row.get("severity") or ""
    return Entry(path, row["label"], row["split"], rate_hz, scale, severity, rpm)


def _per_label(folder: Path) -> list[Entry]:
    """Every fourth recording of a label validates; of fewer than four, the last."""
    found = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in AUDIO)
        if len(files) == 1:
            raise UserError(f"{place}: found one recording, expected two: to train and to validate")
        held = set(files[3::4] or files[-1:])
        found += [Entry(f, place.name, "val" if f in held else "train", 0.0, ()) for f in files]
    return found
