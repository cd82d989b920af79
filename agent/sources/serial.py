"""A microcontroller on a serial line: lines of numbers, or frames (`agent.frames`) with a CRC.

Text is `1.5, -0.2, 9.81` and a newline for each instant; commas, semicolons, blanks and tabs
separate. It says nothing of what was lost on the way but by the clock; frames do, by their index.
"""

import contextlib
import re
import time
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from agent import frames
from agent.core import Block, Format, SourceError
from agent.errors import ConfigError
from agent.frames import CRC, HEADER, MAGIC, FrameError
from agent.inbox import Inbox

WAIT_S = 0.2
LONGEST_LINE = 1 << 12  # bytes: what has no newline for so long is no text
LARGEST_FRAME = 1 << 14  # bytes of samples


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: serial`."""

    rate_hz: Annotated[float, msgspec.Meta(gt=0)]
    port: str  # /dev/serial/by-id/... stays the same when others are plugged in; or a pyserial URL
    baud: Annotated[int, msgspec.Meta(ge=1)] = 115200
    format: Literal["text", "binary"] = "text"
    dtype: Literal["int16", "int32", "float32"] = "int16"  # of binary frames
    interleaved: Annotated[int, msgspec.Meta(ge=1, le=255)] = 1  # channels


class Lines:
    """Text into frames; a line that is none counts as a lost frame."""

    def __init__(self, options: Options) -> None:
        self.format = Format(options.rate_hz, options.interleaved, live=True)
        self.refused = 0
        self._rest: bytes | None = None  # None: within a line whose start was not heard
        self._lost = 0  # frames, since the last good one

    def push(self, data: bytes, _now_s: float) -> list[Block]:
        """Blocks of the whole lines so far; what comes first is taken for the end of a line."""
        *lines, rest = ((self._rest or b"") + data).split(b"\n")
        if self._rest is None and lines:
            del lines[0]
        elif self._rest is None:
            return []
        self._rest = rest
        if len(rest) > LONGEST_LINE:
            self._rest = None
            self._lost += 1
        blocks: list[Block] = []
        good: list[list[float]] = []
        for line in lines:
            numbers = self._numbers(line)
            if numbers is None:
                self._end(good, blocks)
                self._lost += 1
            elif numbers:
                good.append(numbers)
        self._end(good, blocks)
        return blocks

    def _end(self, good: list[list[float]], blocks: list[Block]) -> None:
        """Puts the good lines so far into a block."""
        if good:
            with np.errstate(over="ignore"):  # too large a number is infinity, which is marked
                blocks.append(Block(np.array(good).astype(np.float32), self._lost))
            self._lost = 0
            good.clear()

    def _numbers(self, line: bytes) -> list[float] | None:
        """Those in a line, none in an empty one; None where it is not what was agreed."""
        with contextlib.suppress(ValueError):
            numbers = [float(each) for each in re.split(rb"[,;\s]+", line.strip()) if each]
            if len(numbers) in (0, self.format.channels):
                return numbers
        self.refused += 1
        return None


class Frames:
    """Bytes into frames: finds the next one behind whatever stands between."""

    def __init__(self, options: Options) -> None:
        self.inbox = Inbox(options.rate_hz, options.dtype, options.interleaved)
        self.format = self.inbox.format
        self._data = b""

    def push(self, data: bytes, now_s: float) -> list[Block]:
        """Blocks of the whole frames so far."""
        self._data += data
        while self._cut(now_s):
            pass
        blocks = []
        while len((block := self.inbox.take(now_s)).samples):
            blocks.append(block)
        return blocks

    def _cut(self, now_s: float) -> bool:
        """Takes one frame, or leaves out what is none; False where more has to come."""
        at = self._data.find(MAGIC)
        if at < 0:
            self._data = self._data[-1:] if self._data.endswith(MAGIC[:1]) else b""
            return False
        self._data = self._data[at:]
        if len(self._data) < HEADER.size:
            return False
        try:
            head = self.inbox.head(self._data)
            size = HEADER.size + head.payload
            if head.payload > LARGEST_FRAME:
                raise FrameError(f"found a frame of {size} bytes, expected at most {LARGEST_FRAME}")
            if len(self._data) < size + CRC.size:
                return False
            if frames.crc(self._data[:size]) != CRC.unpack_from(self._data, size)[0]:
                raise FrameError("found a wrong checksum")
        except FrameError as error:
            self.inbox.refuse(error)
            self._data = self._data[1:]  # the next one may begin anywhere behind this
            return True
        self.inbox.put(self._data[:size], now_s)
        self._data = self._data[size + CRC.size :]
        return True


class SerialSource:
    """Reads an open port."""

    def __init__(self, options: Options, port: Any) -> None:
        self._decoder = Lines(options) if options.format == "text" else Frames(options)
        self.format = self._decoder.format
        self._port = port
        self._ready: list[Block] = []

    def read(self) -> Block:
        if not self._ready:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except OSError as error:  # SerialException is one
                raise SourceError(f"the port broke: {error}") from None
            self._ready = self._decoder.push(data, time.monotonic())
        empty = Block(np.zeros((0, self.format.channels), np.float32))
        return self._ready.pop(0) if self._ready else empty

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._port.close()


def open_source(options: Options) -> SerialSource:
    try:
        import serial
    except ImportError:
        raise ConfigError("kind: serial needs pyserial: pip install 'drsn-agent[serial]'") from None
    try:
        port = serial.serial_for_url(options.port, options.baud, timeout=WAIT_S, exclusive=True)
    except ValueError as error:
        raise ConfigError(f"port: found {options.port!r}, expected a port: {error}") from None
    except OSError as error:
        raise SourceError(f"{options.port}: cannot be opened: {error}") from None
    return SerialSource(options, port)
