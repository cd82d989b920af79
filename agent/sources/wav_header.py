"""The size of the samples in a WAV file: what its header says, and what is there.

A recorder that was killed leaves a size of 0. A file of more than 4 GiB has a size modulo 2^32
(RIFF has 32 bits for it; RF64 has 64, in a chunk `ds64`: EBU Tech 3306). A copy that was cut short
has fewer bytes than its header says.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

CHUNK = struct.Struct("<4sI")
LONG_SIZES = struct.Struct("<QQ")  # of the file and of its samples
FMT = struct.Struct("<HHIIHH")
EXTENSIBLE = 0xFFFE
WRAP = 1 << 32
OPEN_END = 0x7FFFF000  # a header of a pipe says this or more: its writer did not know the size
MOST_CHUNKS = 1000  # before the samples
DTYPES = {  # (format code, bits) -> type of the samples; of 24 bits, see `agent.sources.wav_raw`
    (1, 8): "u1",
    (1, 16): "<i2",
    (1, 24): "24",
    (1, 32): "<i4",
    (3, 32): "<f4",
    (3, 64): "<f8",
}


class WavHeader(msgspec.Struct, frozen=True):
    """What a WAV file's header says, and how many bytes follow it."""

    dtype: str | None  # see `DTYPES`; None: a compressed format
    channels: int
    rate_hz: int
    offset: int  # of the first sample, in bytes
    declared: int  # bytes of samples by the header
    follow: int  # bytes from the first sample to the file's end

    @property
    def present(self) -> int:
        """The bytes of samples: those that follow, where the declared size is 0 or wrapped."""
        if self.declared in (0, WRAP - 1):
            return self.follow
        return self.declared + max(0, self.follow - self.declared) // WRAP * WRAP

    @property
    def wrong(self) -> bool:
        """Whether there are more samples than the header says."""
        return self.dtype is not None and self.present > self.declared

    @property
    def cut(self) -> bool:
        """Whether there are fewer samples than the header says."""
        return self.follow < self.declared < OPEN_END


def read(path: Path) -> WavHeader | None:
    """The header of a WAV file; None of another file, or where samples or format are missing."""
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
            return None
        size = os.fstat(file.fileno()).st_size
        fmt: tuple[str | None, int, int] | None = None
        long_size: int | None = None  # of RF64
        for _ in range(MOST_CHUNKS):
            head = file.read(CHUNK.size)
            if len(head) < CHUNK.size:
                return None
            name, length = CHUNK.unpack(head)
            at = file.tell()
            if name == b"ds64":
                _, long_size = LONG_SIZES.unpack(file.read(LONG_SIZES.size).ljust(LONG_SIZES.size))
            if name == b"data":
                length = length if long_size is None else long_size
                empty = length == 0 and _is_chunk(file, size - at)
                return None if fmt is None or empty else WavHeader(*fmt, at, length, size - at)
            if name == b"fmt ":
                fmt = format_chunk(file.read(min(length, 40)))
            file.seek(at + length + length % 2)
    return None


def format_chunk(data: bytes) -> tuple[str | None, int, int] | None:
    """Type of the samples, channels, rate in Hz; None where the chunk is too short."""
    if len(data) < FMT.size:
        return None
    code, channels, rate_hz, _, align, bits = FMT.unpack_from(data)
    if code == EXTENSIBLE and len(data) >= 26:
        code = int.from_bytes(data[24:26], "little")
    if not channels or align * 8 != bits * channels:
        return None
    return DTYPES.get((code, bits)), channels, rate_hz


def _is_chunk(file: BinaryIO, follow: int) -> bool:
    """Whether all that follows is one other chunk, so that there are no samples at all."""
    head = file.read(CHUNK.size)
    if len(head) < CHUNK.size:
        return True
    name, length = CHUNK.unpack(head)
    return bool(name.isascii() and length + length % 2 == follow - CHUNK.size)
