"""Finds frames (`agent.sources.sensor_nodes.frames`) with their CRC in a stream of bytes."""

from agent.core.types import Block
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.frames import CRC, HEADER, MAGIC, FrameError
from agent.sources.sensor_nodes.receiver import Receiver
from agent.sources.sensor_nodes.refusal import quote

LARGEST = 1 << 14  # bytes of samples
UNFRAMED = 1 << 12  # bytes in which a node would have begun a frame


class Deframer:
    """Turns bytes into frames; skips everything that is no frame."""

    def __init__(self, rate_hz: float, dtype: str, channels: int) -> None:
        self.receiver = Receiver(rate_hz, dtype, channels)
        self.format = self.receiver.format
        self.refusals = self.receiver.refusals
        self._data = b""
        self._skipped = 0  # bytes, since the last frame

    def push(self, data: bytes, now_s: float) -> list[Block]:
        """The blocks of all frames that are complete now."""
        self._data += data
        while self._cut(now_s):
            pass
        blocks = []
        while len((block := self.receiver.take(now_s)).samples):
            blocks.append(block)
        return blocks

    def _cut(self, now_s: float) -> bool:
        """Takes one frame or skips a byte; False where more bytes have to come first."""
        at = self._data.find(MAGIC)
        self._skip(len(self._data) if at < 0 else at)
        if at < 0:
            self._data = self._data[-1:] if self._data.endswith(MAGIC[:1]) else b""
            return False
        self._data = self._data[at:]
        if len(self._data) < HEADER.size:
            return False
        try:
            head = self.receiver.head(self._data)
            size = HEADER.size + head.payload
            if head.payload > LARGEST:
                raise FrameError(f"found a frame of {size} bytes, expected at most {LARGEST}")
            if len(self._data) < size + CRC.size:
                return False
            if frames.crc(self._data[:size]) != CRC.unpack_from(self._data, size)[0]:
                raise FrameError("found a wrong checksum")
        except FrameError as error:
            self.receiver.refuse(error)
            self._data = self._data[1:]  # the next frame may begin at any later byte
            return True
        self.receiver.put(self._data[:size], now_s)
        self._data = self._data[size + CRC.size :]
        self._skipped = 0
        return True

    def _skip(self, count: int) -> None:
        """Counts bytes that are no frame; many of them are refused, and quoted."""
        self._skipped += count
        if self._skipped > UNFRAMED:
            self._skipped = 0
            found = quote(self._data[:count])
            self.receiver.refuse(FrameError(f"found {found}, expected frames with {MAGIC!r}"))
