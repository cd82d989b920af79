"""Reads recordings: scales them, resamples them and cuts windows. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.acquisition.resampling import resample
from agent.core import bearing
from agent.core.bearing import UNKNOWN, Running
from agent.core.counting import counting_channels
from agent.core.errors import DataError, UserError
from agent.sources.formats import table
from agent.sources.formats.recording import Recording as Recorded
from agent.sources.recordings import open_recording
from models.data.listing import Entry, entries
from models.data.recipe import Source

Array = npt.NDArray[np.float32]
AT_ONCE = 1 << 20  # frames
NUMBERS = (".csv", ".npy", *table.SUFFIXES)  # `scale` multiplies their numbers; else a 16-bit code


@dataclass(frozen=True)
class Recording:
    """One recording at the model's rate: `samples` [channels, frames] float32."""

    machine: str  # the data set, or 'simulated'
    file: str
    label: str
    samples: Array
    severity: str = ""
    running: Running = UNKNOWN


def load(
    root: Path, source: Source, splits: Sequence[str], labels: Sequence[str], rate_hz: float
) -> list[Recording]:
    """The recordings of `splits` at `rate_hz`; raises DataError for a label not in `labels`."""
    folder = root / source.folder
    listed = [entry for entry in entries(folder, source.variable) if entry.split in splits]
    if not listed:
        raise DataError(f"{folder}: found no recording in split {'|'.join(splits)}")
    for entry in listed:
        if entry.label not in labels:
            expected = ", ".join(labels)
            raise DataError(f"{entry.path}: label: found {entry.label!r}, expected {expected}")
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
        for entry in listed
    ]


def open_entry(entry: Entry) -> Recorded:
    """Opens the file as the agent does; `UserError` where it cannot be read.

    A MATLAB file is read in this process, which has scipy: a child for each of thousands takes
    too long.
    """
    if table.format_of(entry.path) is table.MATLAB:
        return table.reader(entry.path, table.MATLAB)(entry.path, entry.variable)
    return open_recording(entry.path, entry.variable)


def stored(entry: Entry) -> tuple[Array, float | None]:
    """All samples [frames, channels] as stored, and the rate where the file holds it."""
    opened = open_entry(entry)
    parts = [opened.read(AT_ONCE)]  # a damaged header may promise more than fits into memory
    while len(parts[-1]):
        parts.append(opened.read(AT_ONCE))
    opened.close()
    return np.concatenate(parts), opened.rate_hz


def read(entry: Entry, source: Source, rate_hz: float) -> Array:
    """[channels, frames] in the recording's unit, resampled to `rate_hz` as in the agent."""
    samples, file_rate_hz = stored(entry)
    if not len(samples):
        raise DataError(f"{entry.path}: found no samples, expected a recording")
    channels, needed = samples.shape[1], 1 + max(source.channels)
    if channels < needed or len(entry.scale) not in (0, channels):
        raise DataError(f"{entry.path}: found {channels} channels, expected {needed}, each scaled")
    source_hz = entry.rate_hz or file_rate_hz or source.rate_hz
    if source_hz is None:
        raise UserError(f"{entry.path}: found no sampling rate in the file, expected --rate-hz")
    with np.errstate(invalid="ignore"):  # what is no number is refused
        scaled = samples * (_factors(entry) if entry.scale else np.float64(1.0))
    picked = _finite(entry.path, scaled[:, list(source.channels)])
    if counting := counting_channels(picked.T.astype(np.float32)):
        raise DataError(
            f"{entry.path}: channel {source.channels[counting[0]]} counts frames or time and is no "
            "signal: choose others (--channels)"
        )
    resampled = resample(picked, source_hz, rate_hz)
    return np.ascontiguousarray(resampled.T, np.float32)


def _factors(entry: Entry) -> npt.NDArray[np.float64]:
    """The factors [channels] from samples of full scale 1.0 to their unit."""
    codes = 1.0 if entry.path.suffix.lower() in NUMBERS else 2.0**15
    return codes * np.asarray(entry.scale)


def _finite(path: Path, samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    good = np.isfinite(samples).all(1)
    if not good.all():
        frame = int(np.argmin(good))
        raise DataError(f"{path}: found NaN or infinity at frame {frame}, expected numbers")
    return samples


def windows(recording: Recording, window: int, count: int) -> Array:
    """`count` windows [count, channels, window], evenly spread (they overlap if they must)."""
    frames = recording.samples.shape[-1]
    if frames < window:
        raise DataError(f"{recording.file}: found {frames} frames, expected at least {window}")
    starts = np.linspace(0, frames - window, count).astype(int)
    return np.stack([recording.samples[:, start : start + window] for start in starts])
