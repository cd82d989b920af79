"""Arrays as pictures inside a page: grey PNGs as data URLs."""

import base64
import struct
import zlib

import numpy as np

from models.data.recordings import Array


def grey(values: Array, low: float, high: float, title: str) -> str:
    """[rows, columns] as an <img>, black at `low` and white at `high`."""
    span = max(high - low, 1e-12)
    levels = np.clip((values - low) / span * 255, 0, 255).round().astype(np.uint8)
    data = base64.b64encode(_png(levels)).decode()
    return f'<img class=pixels alt="{title}" title="{title}" src="data:image/png;base64,{data}">'


def _png(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """PNG (ISO/IEC 15948): 8 bits of grey, no filter."""
    rows, columns = levels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in levels)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
