"""A recording: FLAC, WAV and what else libsndfile reads, NPY, CSV.

Integers are brought to a full scale of 1.0, floats are taken as they are; `scale` then gives the
unit. `pace: realtime` plays the recording as a sensor would deliver it, `fast` as quickly as the
rest of the agent follows, without losing a frame.
"""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from agent import pcm
from agent.core import Block, Format, Samples
from agent.errors import ConfigError
from agent.pace import Pace

BLOCK_S = 0.05


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: file`."""

    path: str
    pace: Literal["realtime", "fast"] = "realtime"
    rate_hz: Annotated[float, msgspec.Meta(gt=0)] | None = None  # where the file does not say
    start: datetime.datetime | None = None  # of the first frame; None: when it is opened
    block: Annotated[int, msgspec.Meta(ge=1)] | None = None  # frames at a time; None: 50 ms


class FileSource:
    """Reads frames one block after another until the recording ends."""

    def __init__(self, options: Options, read: Callable[[int], Samples], found: Format) -> None:
        self.format = found
        self._read = read
        self._block = options.block or max(1, round(BLOCK_S * found.rate_hz))
        self._pace = Pace(found.rate_hz) if options.pace == "realtime" else None

    def read(self) -> Block | None:
        if self._pace is not None and not self._pace.ready(self._block):
            return Block(np.zeros((0, self.format.channels), np.float32))
        samples = self._read(self._block)
        return Block(samples) if len(samples) else None

    def close(self) -> None:
        self._read = lambda frames: np.zeros((0, self.format.channels), np.float32)


def open_source(options: Options) -> FileSource:
    path = Path(options.path)
    if not path.is_file():
        raise ConfigError(f"{path}: found no such recording, expected a file")
    openers = {".npy": _open_npy, ".csv": _open_csv}
    read, rate_hz, channels, full_scale = openers.get(path.suffix.lower(), _open_sound)(path)
    if rate_hz is None and options.rate_hz is None:
        raise ConfigError(f"{path}: found no sampling rate in the file, expected the key rate_hz")
    started = options.start
    if started is not None and started.tzinfo is None:
        started = started.replace(tzinfo=datetime.UTC)
    found = Format(
        rate_hz=options.rate_hz or rate_hz or 0.0,
        channels=channels,
        full_scale=full_scale,
        started_s=None if started is None else started.timestamp(),
        patient=options.pace == "fast",
    )
    return FileSource(options, read, found)


Opened = tuple[Callable[[int], Samples], float | None, int, float | None]


def _open_sound(path: Path) -> Opened:
    try:
        sound = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        reason = str(error).rstrip(".")
        raise ConfigError(f"{path}: not a recording that can be read: {reason}") from None
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(sound.subtype)
    full_scale = None if bits is None else 1.0 - 2.0 ** (1 - bits)  # the largest positive code

    def read(frames: int) -> Samples:
        samples: Samples = sound.read(frames, dtype="float32", always_2d=True)
        return samples

    return read, float(sound.samplerate), sound.channels, full_scale


def _open_npy(path: Path) -> Opened:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path}: not an NPY array that can be read: {error}") from None
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise ConfigError(
            f"{path}: found {array.dtype} {list(array.shape)}, expected numbers [frames, channels]"
        )
    return _from_array(array.reshape(len(array), -1))


def _open_csv(path: Path) -> Opened:
    """Numbers separated by commas, semicolons or blanks; one line of names may come first."""
    try:
        with path.open(encoding="utf-8") as lines:
            head = lines.readline()
        separator = next((each for each in ",;\t" if each in head), None)
        names = not _is_number(head.replace(separator or " ", " ").split())
        table = np.loadtxt(path, np.float32, delimiter=separator, skiprows=int(names), ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a table of numbers: {error}") from None
    if not table.size:
        raise ConfigError(f"{path}: found no rows, expected numbers [frames, channels]")
    return _from_array(table)


def _is_number(fields: list[str]) -> bool:
    try:
        return bool([float(field) for field in fields])
    except ValueError:
        return False


def _from_array(array: npt.NDArray[np.generic]) -> Opened:
    at = 0

    def read(frames: int) -> Samples:
        nonlocal at
        samples = pcm.to_float(np.asarray(array[at : at + frames]))
        at += len(samples)
        return samples

    return read, None, array.shape[1], pcm.full_scale(array.dtype)
