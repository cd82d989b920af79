"""A recording (`agent.sources.recordings`) as a source.

Its full scale is 1.0 where it holds integers; `scale` then gives the unit. `pace: realtime` plays
the recording at the rate of the sensor, `fast` as quickly as the agent can process it, without
losing a frame.
"""

import datetime
import logging
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from agent.core.annotated import RateHz
from agent.core.errors import ConfigError
from agent.core.logs import escape
from agent.core.types import Block, Format
from agent.sources.formats.recording import Recording
from agent.sources.pacing import Pacing
from agent.sources.recordings import open_recording

BLOCK_S = 0.05
LAST_YEAR = 9000  # of a start: no time of a window may reach the year 10000

log = logging.getLogger("drsn")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: file`."""

    path: str
    pace: Literal["realtime", "fast"] = "realtime"
    rate_hz: RateHz | None = None  # for files that have none
    variable: str = ""  # a pattern of names, where a file holds several signals
    start: datetime.datetime | None = None  # of the first frame; None: when it is opened
    block: Annotated[int, msgspec.Meta(ge=1, le=10**7)] | None = (
        None  # frames at a time; None: 50 ms
    )


class FileSource:
    """Reads frames one block after another until the recording ends."""

    def __init__(self, options: Options, recording: Recording, format: Format) -> None:
        self.format = format
        self._recording = recording
        self._closed = False
        self._block = options.block or max(1, round(BLOCK_S * format.rate_hz))
        self._pacing = Pacing(format.rate_hz) if options.pace == "realtime" else None

    def read(self) -> Block | None:
        if self._closed:
            return None
        if self._pacing is not None and not self._pacing.ready(self._block):
            return Block(np.zeros((0, self.format.channels), np.float32))
        samples = self._recording.read(self._block)
        return Block(samples) if len(samples) else None

    def close(self) -> None:
        self._closed = True
        self._recording.close()


def open_source(options: Options) -> FileSource:
    path = Path(options.path)
    recording = open_recording(path, options.variable)
    if recording.rate_hz is None and options.rate_hz is None:
        raise ConfigError(f"{path}: found no sampling rate in the file, expected the key rate_hz")
    _warn_of_other_rate(options, recording.rate_hz)
    started = options.start
    if started is not None and started.year > LAST_YEAR:
        raise ConfigError(f"start: found the year {started.year}, expected {LAST_YEAR} at most")
    if started is not None and started.tzinfo is None:
        started = started.replace(tzinfo=datetime.UTC)
    format = Format(
        rate_hz=options.rate_hz or recording.rate_hz or 0.0,
        channels=recording.channels,
        full_scale=recording.full_scale,
        step=recording.step,
        frames=recording.frames,
        names=recording.names,
        counting=recording.counting,
        still=recording.still,
        started_s=None if started is None else started.timestamp(),
        patient=options.pace == "fast",
    )
    return FileSource(options, recording, format)


def _warn_of_other_rate(options: Options, rate_hz: float | None) -> None:
    """The key wins over the file, which is right for a file that is mislabelled, and rarely so."""
    if rate_hz is not None and options.rate_hz not in (None, rate_hz):
        log.warning(
            "%s: the file says %g Hz; rate_hz: %g is taken instead",
            escape(options.path),
            rate_hz,
            options.rate_hz,
        )
