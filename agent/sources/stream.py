"""Raw frames from a pipe: standard input, a FIFO or a TCP server.

    arecord -q -f S16_LE -r 16000 -c 1 -t raw | drsn-agent run --config mic.yaml

Samples are little-endian and interleaved. Integers are scaled to a full scale of 1.0. The sender
has to wait rather than lose a frame. A FIFO or a server that ends is opened again.
"""

import logging
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import numpy as np

from agent.core import pcm
from agent.core.annotated import Interleaved, RateHz
from agent.core.errors import ConfigError
from agent.core.types import Block, Format, SourceError
from agent.sources import readable, stream_header
from agent.sources.sensor_nodes.refusal import Refusals

log = logging.getLogger("drsn.source")

WAIT_S = 0.1  # the longest that a read waits, and that frames gather
CONNECT_S = 2.0
AT_ONCE = 1 << 16  # bytes of a read
GATHERED = 1 << 15  # bytes that gather at most: half of what a pipe holds


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: stream`."""

    rate_hz: RateHz
    url: str = "stdin"  # stdin, the path of a FIFO, or tcp://HOST:PORT
    dtype: Literal["int16", "int32", "float32"] = "int16"
    interleaved: Interleaved = 1  # channels in each frame
    live: bool = True  # false: a recording, which may arrive at any speed
    once: bool = False  # true: the source ends with the stream, as stdin always does


class StreamSource:
    """Cuts a stream of bytes into frames; `read_bytes` and `fileno` belong to the open stream.

    `read_bytes` waits for nothing where a poll shows bytes; it may for a blocking standard input.
    """

    def __init__(
        self,
        options: Options,
        fileno: int,
        read_bytes: Callable[[int], bytes],
        close: Callable[[], None],
    ) -> None:
        full_scale = pcm.full_scale(options.dtype)
        self.format = Format(
            options.rate_hz,
            options.interleaved,
            full_scale,
            patient=True,
            live=options.live,
            step=pcm.step(options.dtype),
        )
        self._once = options.once or options.url == "stdin"
        self.close = close
        self._fileno = fileno
        self._read_bytes = read_bytes
        self._dtype = np.dtype(options.dtype).newbyteorder("<")
        self._size = self._dtype.itemsize * options.interleaved  # bytes of a frame
        self.gathers_s = min(WAIT_S, GATHERED / self._size / options.rate_hz)
        self.more = False
        self._rest = b""  # of an incomplete frame
        self._options = options
        self._at_start = True
        self.refusals = Refusals()

    def fileno(self) -> int:
        return self._fileno

    def read(self) -> Block | None:
        if not readable.wait(self._fileno, WAIT_S):
            return self._block(b"")
        return self.take()

    def take(self) -> Block | None:
        self.more = False
        try:
            data = self._read_bytes(AT_ONCE)
        except BlockingIOError:
            return self._block(b"")
        except OSError as error:
            raise SourceError(f"the stream failed: {error.strerror}") from None
        if data:
            self.more = len(data) == AT_ONCE
            return self._block(data)
        if self._once:
            return None
        raise SourceError("the stream ended")

    def _block(self, data: bytes) -> Block:
        data = self._rest + data
        if self._at_start:
            length, foreign = stream_header.length(data), stream_header.foreign(data)
            self._rest = data
            known = length is not None and foreign is not None
            data = self._past_header(data, length or 0, foreign or "") if known else b""
        if self.refusals.text is not None or self._at_start:
            return Block(np.zeros((0, self.format.channels), np.float32))
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        samples = pcm.to_float(np.frombuffer(data[:whole], self._dtype))
        return Block(samples.reshape(-1, self.format.channels))

    @property
    def refusal(self) -> str | None:
        return self.refusals.text

    def _past_header(self, data: bytes, length: int, foreign: str) -> bytes:
        """The samples behind a WAV header of that length; none behind what is no raw sample."""
        self._at_start = False
        options = self._options
        expected = f"{options.dtype}, {options.interleaved} channels, {options.rate_hz:g} Hz"
        if foreign:
            self.refusals.add(f"found {foreign}, expected raw samples of {expected}")
            return b""
        if not length:
            return data
        differs = stream_header.differs(
            data[:length], options.dtype, options.interleaved, options.rate_hz
        )
        if differs is None:
            log.warning("found a WAV header before the samples, and skipped it")
            return data[length:]
        self.refusals.add(f"found a WAV header {differs}, expected raw samples of {expected}")
        return b""


def open_source(options: Options) -> StreamSource:
    if options.url == "stdin":
        fileno = sys.stdin.fileno()
        return StreamSource(
            options,
            fileno,
            lambda size: os.read(fileno, size),
            lambda: None,
        )
    if options.url.startswith("tcp://"):
        return _open_tcp(options)
    return _open_fifo(options)


def _open_tcp(options: Options) -> StreamSource:
    parts = urlsplit(options.url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError(f"url: found {options.url!r}, expected tcp://HOST:PORT")
    try:
        connection = socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        raise SourceError(f"{options.url}: cannot connect: {error.strerror or error}") from None
    connection.setblocking(False)

    def read_bytes(count: int) -> bytes:
        data = connection.recv(count)
        # A sender may hold back its next small block until the last one is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    return StreamSource(options, connection.fileno(), read_bytes, connection.close)


def _open_fifo(options: Options) -> StreamSource:
    """Opens a FIFO without waiting for its writer."""
    path = Path(options.url)
    try:
        fileno = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror}") from None
    if not stat.S_ISFIFO(os.fstat(fileno).st_mode):
        os.close(fileno)
        raise ConfigError(f"url: found no FIFO {path}, expected stdin, a FIFO or tcp://HOST:PORT")
    return StreamSource(
        options,
        fileno,
        lambda size: os.read(fileno, size),
        lambda: os.close(fileno),
    )
