"""A frame: samples of a sensor node in a datagram, an MQTT message or on a serial line.

Little-endian, 12 bytes and the samples:

    0   2  "DS"
    2   1  version: 1
    3   1  dtype: 1 int16, 2 int32, 3 float32
    4   1  channels
    5   1  0
    6   2  samples of each channel
    8   4  index of the first one, counted by the node from its start, modulo 2^32
    12     samples, channel by channel within each instant

On a serial line a CRC-16 of the whole frame follows (polynomial 0x1021, initial value 0xFFFF:
CRC-16/CCITT-FALSE), also little-endian. Lost, duplicate and unordered frames show in the index.
"""

import binascii
import struct

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core import pcm
from agent.core.types import Samples
from agent.sources.sensor_nodes.refusal import quote

MAGIC = b"DS"
VERSION = 1
HEADER = struct.Struct("<2sBBBBHI")
CRC = struct.Struct("<H")
DTYPES = {1: "int16", 2: "int32", 3: "float32"}
WRAP = 1 << 32


class FrameError(ValueError):
    """The bytes are no frame, or not one of the expected kind; the text says why in one line."""


class Head(msgspec.Struct, frozen=True):
    """The content of the first 12 bytes."""

    dtype: str
    channels: int
    frames: int
    first: int

    @property
    def payload(self) -> int:
        """Size of the samples that follow, in bytes."""
        return self.frames * self.channels * np.dtype(self.dtype).itemsize


def head(data: bytes) -> Head:
    """The head of `data`; `FrameError` where there is none."""
    if len(data) < HEADER.size or data[:2] != MAGIC:
        raise FrameError(
            f"found {quote(data)} in {len(data)} bytes, expected a frame with {MAGIC!r}"
        )
    _, version, dtype, channels, zero, frames, first = HEADER.unpack_from(data)
    if version != VERSION or zero:
        raise FrameError(f"found a frame of version {version}, expected {VERSION}")
    if dtype not in DTYPES or not channels or not frames:
        raise FrameError(f"found dtype {dtype}, {channels} channels, {frames} samples in a frame")
    return Head(DTYPES[dtype], channels, frames, first)


def samples(head: Head, data: bytes) -> Samples:
    """The samples behind the head [frames, channels], integers scaled to a full scale of 1.0."""
    if len(data) != HEADER.size + head.payload:
        size = len(data) - HEADER.size
        raise FrameError(f"found {size} bytes of samples, expected {head.payload}")
    dtype = np.dtype(head.dtype).newbyteorder("<")
    values = np.frombuffer(data, dtype, offset=HEADER.size)
    return pcm.to_float(values).reshape(head.frames, head.channels)


def pack(values: npt.NDArray[np.generic], first: int) -> bytes:
    """The frame of `values` [frames, channels] as a node sends it; see `DTYPES`."""
    code = next(code for code, name in DTYPES.items() if name == values.dtype.name)
    frames, channels = values.shape
    start = HEADER.pack(MAGIC, VERSION, code, channels, 0, frames, first % WRAP)
    return start + values.astype(values.dtype.newbyteorder("<")).tobytes()


def seal(frame: bytes) -> bytes:
    """The frame with its CRC, as a node sends it on a serial line."""
    return frame + CRC.pack(crc(frame))


def crc(data: bytes) -> int:
    return binascii.crc_hqx(data, 0xFFFF)
