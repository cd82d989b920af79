"""A microcontroller on a serial line: lines of numbers, or frames with a CRC
(`agent.sources.sensor_nodes`).

Text is a line such as `1.5, -0.2, 9.81` for each instant; commas, semicolons, blanks and tabs
separate the numbers. Lost lines show only by the clock, lost frames by their index.
"""

import contextlib
import time
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from agent.core import extras
from agent.core.annotated import Interleaved, RateHz
from agent.core.errors import ConfigError, UserError
from agent.core.types import Block, SourceError
from agent.sources.sensor_nodes.deframer import Deframer
from agent.sources.sensor_nodes.text_lines import TextLines

WAIT_S = 0.2


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: serial`."""

    rate_hz: RateHz
    port: str  # /dev/serial/by-id/... stays the same when others are plugged in; or a pyserial URL
    baud: Annotated[int, msgspec.Meta(ge=50, le=100_000_000)] = 115200
    format: Literal["text", "binary"] = "text"
    dtype: Literal["int16", "int32", "float32"] = "int16"  # of binary frames
    interleaved: Interleaved = 1  # channels


class SerialSource:
    """Reads an open port."""

    def __init__(self, options: Options, port: Any) -> None:
        rate_hz, channels = options.rate_hz, options.interleaved
        self._decoder: TextLines | Deframer = TextLines(rate_hz, channels)
        if options.format == "binary":
            self._decoder = Deframer(rate_hz, options.dtype, channels)
        self.format = self._decoder.format
        self._port = port
        self._ready: list[Block] = []

    def read(self) -> Block:
        if not self._ready:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except OSError as error:  # SerialException is one
                raise SourceError(f"the port failed: {error}") from None
            self._ready = self._decoder.push(data, time.monotonic())
        empty = Block(np.zeros((0, self.format.channels), np.float32))
        return self._ready.pop(0) if self._ready else empty

    @property
    def refusal(self) -> str | None:
        return self._decoder.refusals.text

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._port.close()


def open_source(options: Options) -> SerialSource:
    try:
        import serial
    except ImportError:
        raise UserError(f"kind: serial needs pyserial: {extras.install('serial')}") from None
    try:
        port = serial.serial_for_url(options.port, options.baud, timeout=WAIT_S, exclusive=True)
    except ValueError as error:
        raise ConfigError(f"port: found {options.port!r}, expected a port: {error}") from None
    except OSError as error:
        raise SourceError(f"{options.port}: cannot be opened: {error}") from None
    return SerialSource(options, port)
