"""Opens recordings: FLAC, WAV and the other formats of libsndfile, NPY, CSV, and those of
`agent.sources.formats`, which a child process reads.

Integers are scaled to a full scale of 1.0, floats are used as they are. Training reads its
recordings here as well, so that a file is the same signal for both.
"""

import logging
import os
import re
import stat
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from agent.core.errors import ConditionError, DataError
from agent.core.types import DamagedError, Samples
from agent.sources import csv_table, wav_header, wav_raw
from agent.sources.formats import isolated, table
from agent.sources.formats.recording import Recording, from_array
from agent.sources.formats.signals import MOST_CHANNELS
from agent.sources.wav_header import WavHeader

WIDTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}

# What NumPy raises where the header of an array is damaged.
UNREADABLE = (ValueError, OSError, EOFError, OverflowError, SyntaxError, tokenize.TokenError)

# What libsndfile notes of a file that ends before its header says: AIFF, W64, AU, RF64 and others.
CUT = re.compile(r"\(should be \d+\)|truncated|does not match value from 'ds64'")

log = logging.getLogger("drsn.source")


def open_recording(path: Path, variable: str = "") -> Recording:
    """Opens the file by its suffix; `DataError`, one line, for one that cannot be read.

    `variable` is a pattern of the names of its signals, where a file has several. `ConditionError`
    for a file that is not there or not permitted: that may pass. `UserError` where the library
    that reads the format is missing. What a person should know of the file is logged.
    """
    recording = _opened(path, variable)
    if recording.note is not None:
        log.warning("%s: %s", path, recording.note)
    return recording


def describe(path: Path, variable: str = "") -> Recording:
    """The same recording without its samples, and without a line in the log."""
    recording = _opened(path, variable)
    recording.close()
    return recording


def _opened(path: Path, variable: str) -> Recording:
    _check_there(path)
    openers = {".npy": _open_npy, ".csv": csv_table.read, ".raw": _refuse_raw}
    if (item := table.format_of(path)) is not None:
        table.check_installed(path, item)
        recording = isolated.open_recording(path, item, variable)
    else:
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


def _refuse_raw(path: Path) -> Recording:
    raise DataError(
        f"{path}: found samples without a header, expected e.g. WAV, FLAC, NPY or CSV: "
        "kind: stream reads raw samples from a pipe, and sox adds a header"
    )


def _open_sound(path: Path) -> Recording:
    header = _wav_header(path)
    if header is not None and header.wrong:
        rate_hz, width = float(header.rate_hz), wav_raw.bits(header)
        read_past = wav_raw.reader(path, header)
        recording = _sound(read_past, rate_hz, header.channels, wav_raw.frames(header), width)
        note = f"{_sizes(header.declared, header.present)}: all of them are read"
        return msgspec.structs.replace(recording, note=note)
    recording = _by_libsndfile(path)
    if header is None:
        return recording
    cut = f"{_sizes(header.declared, header.follow)}: the file was cut"
    return msgspec.structs.replace(recording, note=cut if header.cut else None)


def _sizes(declared: int, present: int) -> str:
    return f"the header says {declared} bytes of samples, and {present} are there"


def _by_libsndfile(path: Path) -> Recording:
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
    recording = _sound(read, rate_hz, sound.channels, sound.frames, width)
    cut = "the header promises more samples than are there: the file was cut"
    note = cut if CUT.search(sound.extra_info) else None
    return msgspec.structs.replace(recording, note=note)


def _sound(
    read: Callable[[int], Samples], rate_hz: float, channels: int, frames: int, bits: int | None
) -> Recording:
    """A recording of samples so many `bits` wide; None: of floats."""
    step = None if bits is None else 2.0 ** (1 - bits)
    full_scale = None if step is None else 1.0 - step  # the largest positive code
    return Recording(read, rate_hz, channels, full_scale, frames, step)


def _wav_header(path: Path) -> WavHeader | None:
    try:
        return wav_header.read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _open_npy(path: Path) -> Recording:
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
