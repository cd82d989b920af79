"""Opens recordings: FLAC, WAV and the other formats of libsndfile, NPY, CSV.

Integers are scaled to a full scale of 1.0, floats are used as they are. Training reads its
recordings here as well, so that a file is the same signal for both.
"""

import os.path
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from agent.core import pcm
from agent.core.errors import DataError
from agent.core.types import DamagedError, Samples
from agent.sources import csv_table


@dataclass(frozen=True)
class OpenRecording:
    """An open file. `read(frames)` returns the next ones [frames, channels], fewer at the end.

    It raises `DamagedError` where the file is damaged.
    """

    read: Callable[[int], Samples]
    rate_hz: float | None  # None: the file has none
    channels: int
    full_scale: float | None  # see `Format`
    frames: int
    step: float | None = None  # see `Format`


def open_recording(path: Path) -> OpenRecording:
    """Opens the file by its suffix; `DataError`, one line, for one that cannot be read."""
    if not os.path.isfile(path):  # noqa: PTH113 - False where it cannot be looked at
        raise DataError(f"{path}: found no such recording, expected a file")
    openers = {".npy": _open_npy, ".csv": _open_csv}
    return openers.get(path.suffix.lower(), _open_sound)(path)


def from_array(array: npt.NDArray[np.generic], rate_hz: float | None) -> OpenRecording:
    """A recording of numbers [frames, channels] in memory."""
    at = 0

    def read(frames: int) -> Samples:
        nonlocal at
        samples = pcm.to_float(np.asarray(array[at : at + frames]))
        at += len(samples)
        return samples

    full_scale, step = pcm.full_scale(array.dtype), pcm.step(array.dtype)
    return OpenRecording(read, rate_hz, array.shape[1], full_scale, len(array), step)


def _open_sound(path: Path) -> OpenRecording:
    try:
        sound = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        reason = str(error).rstrip(".")
        raise DataError(f"{path}: not a recording that can be read: {reason}") from None
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(sound.subtype)
    full_scale = None if bits is None else 1.0 - 2.0 ** (1 - bits)  # the largest positive code

    def read(frames: int) -> Samples:
        try:
            samples: Samples = sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = str(error).rstrip(".")
            raise DamagedError(f"{path}: damaged at frame {sound.tell()}: {reason}") from None
        return samples

    step = None if bits is None else 2.0 ** (1 - bits)
    rate_hz = float(sound.samplerate)
    return OpenRecording(read, rate_hz, sound.channels, full_scale, sound.frames, step)


def _open_npy(path: Path) -> OpenRecording:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not an NPY array that can be read: {error}") from None
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: found {array.dtype} {list(array.shape)}, expected numbers [frames, channels]"
        )
    return from_array(array.reshape(len(array), -1), None)


def _open_csv(path: Path) -> OpenRecording:
    numbers, rate_hz = csv_table.read(path)
    return from_array(numbers, rate_hz)
