"""Opens recordings: FLAC, WAV and the other formats of libsndfile, NPY, CSV.

Integers are scaled to a full scale of 1.0, floats are used as they are. Training reads its
recordings here as well, so that a file is the same signal for both.
"""

import logging
import os
import stat
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from agent.core import pcm
from agent.core.counting import counting_channels
from agent.core.errors import ConditionError, DataError
from agent.core.types import DamagedError, Samples
from agent.sources import csv_table, wav_header, wav_raw
from agent.sources.wav_header import WavHeader

MOST_CHANNELS = 255
LOOKED_AT = 4096  # frames, for channels that count or stand still
WIDTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}

# What NumPy raises where the header of an array is damaged.
UNREADABLE = (ValueError, OSError, EOFError, OverflowError, SyntaxError, tokenize.TokenError)

log = logging.getLogger("drsn.source")


class OpenRecording(msgspec.Struct, frozen=True):
    """An open file. `read(frames)` returns the next ones [frames, channels], fewer at the end.

    It raises `DamagedError` where the file is damaged.
    """

    read: Callable[[int], Samples]
    rate_hz: float | None  # None: the file has none
    channels: int
    full_scale: float | None  # see `Format`
    frames: int
    step: float | None = None  # see `Format`
    names: tuple[str, ...] = ()
    counting: tuple[int, ...] = ()
    still: tuple[int, ...] = ()


def open_recording(path: Path) -> OpenRecording:
    """Opens the file by its suffix; `DataError`, one line, for one that cannot be read.

    `ConditionError` for one that is not there or not permitted: that may pass.
    """
    _check_there(path)
    openers = {".npy": _open_npy, ".csv": _open_csv, ".raw": _refuse_raw}
    recording = openers.get(path.suffix.lower(), _open_sound)(path)
    if not recording.frames:
        raise DataError(f"{path}: found no samples, expected a recording of a window or more")
    return recording


def _check_there(path: Path) -> None:
    missing = f"{path}: found no such recording, expected a file"
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(missing)
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        raise ConditionError(missing) from None
    except OSError as error:
        raise ConditionError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:  # a name that no file can have
        raise DataError(missing) from None


def from_array(
    array: npt.NDArray[np.generic], rate_hz: float | None, names: tuple[str, ...] = ()
) -> OpenRecording:
    """A recording of numbers [frames, channels] in memory, with the names of its channels."""
    at = 0

    def read(frames: int) -> Samples:
        nonlocal at
        samples = pcm.to_float(np.asarray(array[at : at + frames]))
        at += len(samples)
        return samples

    full_scale, step = pcm.full_scale(array.dtype), pcm.step(array.dtype)
    first = pcm.to_float(np.asarray(array[:LOOKED_AT])).T
    counting, still = counting_channels(first), np.flatnonzero((first == first[:, :1]).all(axis=1))
    return OpenRecording(
        read=read,
        rate_hz=rate_hz,
        channels=array.shape[1],
        full_scale=full_scale,
        frames=len(array),
        step=step,
        names=names,
        counting=counting,
        still=tuple(int(channel) for channel in still),
    )


def _refuse_raw(path: Path) -> OpenRecording:
    raise DataError(
        f"{path}: found samples without a header, expected WAV, FLAC, NPY or CSV: "
        "kind: stream reads raw samples from a pipe, and sox adds a header"
    )


def _open_sound(path: Path) -> OpenRecording:
    header = _wav_header(path)
    if header is not None and header.wrong:
        log.warning(
            "%s: the header says %d bytes of samples, and %d are there: all of them are read",
            *(path, header.declared, header.present),
        )
        rate_hz, width = float(header.rate_hz), wav_raw.bits(header)
        read_past = wav_raw.reader(path, header)
        return _sound(read_past, rate_hz, header.channels, wav_raw.frames(header), width)
    if header is not None and header.cut:
        log.warning(
            "%s: the header says %d bytes of samples, and %d are there: the file was cut",
            *(path, header.declared, header.follow),
        )
    try:
        sound = soundfile.SoundFile(os.fsencode(path))  # a name need not be UTF-8
    except soundfile.LibsndfileError as error:
        reason = str(error).rstrip(".")
        raise DataError(f"{path}: not a recording that can be read: {reason}") from None

    def read(frames: int) -> Samples:
        try:
            samples: Samples = sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = str(error).rstrip(".")
            raise DamagedError(f"{path}: damaged at frame {sound.tell()}: {reason}") from None
        return samples

    rate_hz, width = float(sound.samplerate), WIDTHS.get(sound.subtype)
    return _sound(read, rate_hz, sound.channels, sound.frames, width)


def _sound(
    read: Callable[[int], Samples], rate_hz: float, channels: int, frames: int, bits: int | None
) -> OpenRecording:
    """A recording of samples so many `bits` wide; None: of floats."""
    step = None if bits is None else 2.0 ** (1 - bits)
    full_scale = None if step is None else 1.0 - step  # the largest positive code
    return OpenRecording(read, rate_hz, channels, full_scale, frames, step)


def _wav_header(path: Path) -> WavHeader | None:
    try:
        return wav_header.read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _open_npy(path: Path) -> OpenRecording:
    try:
        with warnings.catch_warnings(action="ignore"):  # of headers that Python 2 has written
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise DataError(f"{path}: not an NPY array that can be read: {error}") from None
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: found {array.dtype} {list(array.shape)}, expected numbers [frames, channels]"
        )
    if array.ndim == 2 and array.shape[1] > MOST_CHANNELS:
        found = f"found {array.shape[1]} channels of {array.shape[0]} frames"
        raise DataError(f"{path}: {found}, expected [frames, channels]: transpose the array")
    return from_array(array if array.ndim == 2 else array[:, None], None)


def _open_csv(path: Path) -> OpenRecording:
    numbers, rate_hz = csv_table.read(path)
    names = csv_table.names(path)[-numbers.shape[1] :]  # a column of times is no channel
    return from_array(numbers, rate_hz, names)
