"""Reads HDF5, and MATLAB 7.3, which is HDF5, through h5py, piece by piece.

The signals are the data sets of numbers, named by their path (`group.set`). A matrix has its frames
along its longer side. The rate is an attribute of the data set or a number beside it; links to
other files are not followed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np

from agent.core.errors import DataError
from agent.sources.formats import signals
from agent.sources.formats.recording import Array, Recording, from_reader
from agent.sources.formats.signals import MOST_CHANNELS, SHORTEST, Signal

MOST_SETS = 10_000
TEXT = b"char"  # what MATLAB calls text, which it stores as numbers


def open_file(path: Path, variable: str) -> Recording:
    """`DataError` where no data sets fit together."""
    file = h5py.File(path, "r", locking=False)
    sets = dict(_sets(path, file))
    rate = _rate_hz(file, sets)
    long = [name for name, item in sets.items() if item.size >= SHORTEST]
    described = [_signal(name, sets[name], rate) for name in long]
    chosen = signals.choose(path, described, variable)
    if len(chosen) == 1:
        recording = _matrix(path, sets[long[chosen[0]]], described[chosen[0]])
        return msgspec.structs.replace(recording, close=file.close)
    columns = [sets[long[at]] for at in chosen]
    if any(_channels(column) > 1 for column in columns):
        found = ", ".join(long[at] for at in chosen)
        raise DataError(f"{path}: found the matrices {found}, expected one: variable: 'NAME'")

    def read_at(first: int, end: int) -> Array:
        return np.stack([_vector(column, first, end) for column in columns], axis=1)

    dtype = np.result_type(*(column.dtype for column in columns))
    shape = (described[chosen[0]].frames, len(columns))
    units = [described[at].unit for at in chosen]
    names, rate = [long[at] for at in chosen], described[chosen[0]].rate_hz
    recording = from_reader(read_at, dtype, shape, rate, units=units, names=names)
    return msgspec.structs.replace(recording, close=file.close)


def _sets(path: Path, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """The data sets of numbers of up to two axes that lie in the file itself."""
    found: list[tuple[str, h5py.Dataset]] = []

    def visit(name: str, item: object) -> None:
        if len(found) > MOST_SETS:
            raise DataError(f"{path}: found more than {MOST_SETS} data sets, expected a recording")
        if isinstance(item, h5py.Dataset) and not name.startswith("#") and _is_signal(item):
            found.append((name.replace("/", "."), item))

    file.visititems(visit)
    yield from found


def _is_signal(item: h5py.Dataset) -> bool:
    inside = not item.is_virtual and not item.external
    numbers = item.dtype.kind in "iuf" and item.shape is not None and item.ndim <= 2
    return bool(inside and numbers and item.attrs.get("MATLAB_class") != TEXT)


def _signal(name: str, item: h5py.Dataset, rate: float | None) -> Signal:
    attributes = dict(item.attrs)
    return Signal(
        name, max(item.shape), signals.rate_hz(attributes) or rate, signals.unit(attributes)
    )


def _rate_hz(file: h5py.File, sets: dict[str, h5py.Dataset]) -> float | None:
    """The rate among the numbers of the file and the attributes of its root."""
    single = {name.rpartition(".")[2]: item[()] for name, item in sets.items() if item.size == 1}
    return signals.rate_hz(single) or signals.rate_hz(dict(file.attrs))


def _channels(item: h5py.Dataset) -> int:
    return int(item.size // max(item.shape))


def _matrix(path: Path, item: h5py.Dataset, signal: Signal) -> Recording:
    channels = _channels(item)
    if channels > MOST_CHANNELS:
        found = f"found {list(item.shape)} numbers"
        raise DataError(
            f"{path}: {signal.name}: {found}, expected at most {MOST_CHANNELS} channels"
        )
    frames_first = item.ndim == 1 or item.shape[0] >= item.shape[1]

    def read_at(first: int, end: int) -> Array:
        part = np.asarray(item[first:end] if frames_first else item[:, first:end].T)
        return part.reshape(end - first, channels)

    units = [signal.unit] * channels
    shape = (signal.frames, channels)
    return from_reader(read_at, item.dtype, shape, signal.rate_hz, units=units)


def _vector(item: h5py.Dataset, first: int, end: int) -> "np.ndarray[Any, Any]":
    along_rows = item.ndim == 1 or item.shape[0] >= item.shape[1]
    return np.asarray(item[first:end] if along_rows else item[:, first:end]).reshape(-1)
