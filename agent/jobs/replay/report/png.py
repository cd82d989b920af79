"""Writes a picture of one byte a point. PNG, W3C Recommendation, second edition, 2003."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def png(points: Bytes, palette: Bytes) -> bytes:
    """Of `points` [rows, columns], indices into `palette` [colours, 3] of red, green and blue."""
    rows, columns = points.shape
    filtered = np.pad(points, ((0, 0), (1, 0)))  # each row begins with its filter: none
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
