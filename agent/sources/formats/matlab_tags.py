"""Checks the structure of a MATLAB 5 file before scipy reads it, which may crash on a damaged one.

Every element has a tag of type and size; matrices hold elements. MathWorks, "MAT-File Format",
R2023a, chapter 1.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from agent.core.errors import DataError

HEADER = 128  # bytes
SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # type -> bytes of a number
TEXTS = (16, 17, 18)  # UTF-8, UTF-16, UTF-32
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, CHAR, SPARSE = 1, 2, 3, 4, 5  # classes of a matrix
NUMERIC = range(6, 16)
LARGEST = 1 << 31  # bytes of a variable after decompression
DEEPEST = 16  # matrices in matrices

Element = tuple[int, memoryview]  # type, data


def check(path: Path) -> None:
    """`DataError` where an element is of no known type, too long or in the wrong place.

    Files of another version (4, or 7.3) are left to the reader.
    """
    data = path.read_bytes()
    if data[126:128] not in (b"IM", b"MI") or data[124:126] not in (b"\x00\x01", b"\x01\x00"):
        return
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        for kind, content in _elements(memoryview(data)[HEADER:], order):
            if kind == COMPRESSED:
                inflated = zlib.decompressobj().decompress(content, LARGEST)
                kind, content = next(_elements(memoryview(inflated), order))
            if kind != MATRIX:
                raise ValueError(f"found an element of type {kind}, expected a matrix")
            _check_matrix(content, order, DEEPEST)
    except (ValueError, struct.error, zlib.error, StopIteration) as error:
        raise DataError(f"{path}: not a readable MATLAB file: {error}") from None


def _elements(data: memoryview, order: str) -> Iterator[Element]:
    """The elements that `data` consists of; ValueError for one that is longer than its place."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        small = kind >> 16
        start = at + (4 if small else 8)
        kind, size = (kind & 0xFFFF, small) if small else (kind, size)
        if start + size > len(data) or (small > 4):
            raise ValueError(f"found an element of {size} bytes, {len(data) - start} are left")
        yield kind, data[start : start + size]
        end = start + size
        at = at + 8 if small else end if kind == COMPRESSED else end + -end % 8


def _check_matrix(data: memoryview, order: str, depth: int) -> None:
    if not depth:
        raise ValueError(f"found more than {DEEPEST} matrices in matrices")
    if not len(data):  # an empty field
        return
    elements = _elements(data, order)
    (flags_kind, flags), (dims_kind, dims) = next(elements), next(elements)
    if flags_kind != 6 or len(flags) != 8 or dims_kind != 5 or len(dims) < 8:
        raise ValueError("found no flags and dimensions at the beginning of a matrix")
    (word,) = struct.unpack_from(f"{order}I", flags)
    shape = struct.unpack(f"{order}{len(dims) // 4}i", dims[: len(dims) // 4 * 4])
    _check_content(word & 0xFF, bool(word >> 8 & 8), shape, list(elements), order, depth)


def _check_content(
    kind: int,
    is_complex: bool,
    shape: tuple[int, ...],
    elements: list[Element],
    order: str,
    depth: int,
) -> None:
    """What follows flags and dimensions; the first element is the name."""
    count = 1
    for length in shape:
        count *= length
    held = sum(len(content) for _, content in elements)
    if min(shape) < 0 or count > max(1, held) or not elements:
        raise ValueError(f"found a matrix {list(shape)} of {len(elements)} elements")
    parts = elements[1:]
    if kind in NUMERIC:
        if len(parts) != 1 + is_complex or not all(_holds(part, count) for part in parts):
            raise ValueError(f"found other numbers than a matrix {list(shape)} has")
    elif kind in (CELL, STRUCT, OBJECT):
        for part_kind, content in parts:
            if part_kind == MATRIX:
                _check_matrix(content, order, depth - 1)
            elif part_kind not in SIZES:
                raise ValueError(f"found an element of type {part_kind} in a struct")
    elif kind == CHAR:
        if any(part_kind not in (*SIZES, *TEXTS) for part_kind, _ in parts):
            raise ValueError("found something else than text in a text")
    else:
        raise ValueError(f"found a matrix of class {kind}, expected numbers, text or a struct")


def _holds(part: Element, count: int) -> bool:
    kind, content = part
    return kind in SIZES and len(content) == count * SIZES[kind]
