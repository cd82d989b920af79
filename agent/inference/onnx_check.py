"""What must be known of an ONNX file before a runtime may see it: read without any runtime.

An .onnx file is one Protocol Buffers message, `ModelProto` (github.com/onnx/onnx, onnx.proto). Only
its frame is read here: the metadata, and whether any tensor, in whatever graph or function, says
that its data lie outside of the file.
"""

from collections.abc import Iterator

from agent.core.errors import UserError

MOST_DEPTH = 40  # of messages within messages
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; groups (3, 4) are no part of ONNX
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a TensorProto
METADATA = 14  # of a ModelProto

# By message: the fields through which a tensor may be reached, and which message each holds.
REACH = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
}


def metadata(data: bytes, where: str) -> dict[str, str]:
    """The model's own metadata; `UserError` for a file that is not whole, or not all there is."""
    if data[4:8] == b"ORTM":
        raise UserError(f"{where}: found ONNX Runtime's own format, expected ONNX")
    try:
        _scan(memoryview(data), "Model", 0)
        return dict(_pair(part) for number, _, part in _fields(memoryview(data), METADATA))
    except _Malformed as error:
        raise UserError(f"{where}: found {error}, expected an ONNX model in one file") from None
    except UnicodeDecodeError:
        raise UserError(f"{where}: found metadata that are no text") from None


class _Malformed(Exception):  # noqa: N818 - a finding
    """What is wrong with the file."""


def _scan(data: memoryview, message: str, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise _Malformed(f"messages nested deeper than {MOST_DEPTH}")
    for number, kind, value in _fields(data):
        if message == "Tensor":
            if number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0):
                raise _Malformed("a tensor whose data lie in another file")
        elif (inner := REACH[message].get(number)) is not None:
            if kind != BYTES:
                raise _Malformed("a number where a message belongs")
            assert isinstance(value, memoryview)
            _scan(value, inner, depth + 1)


def _pair(entry: object) -> tuple[str, str]:
    """A StringStringEntryProto."""
    assert isinstance(entry, memoryview)
    found = {1: b"", 2: b""} | {n: bytes(v) for n, k, v in _fields(entry) if k == BYTES}
    return found[1].decode(), found[2].decode()


def _fields(
    data: memoryview, only: int | None = None
) -> Iterator[tuple[int, int, int | memoryview]]:
    """(number, wire type, value) of each field."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _Malformed("a field without a number")
        value: int | memoryview = 0
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32, BYTES):
            length, at = _varint(data, at) if kind == BYTES else (8 if kind == FIXED64 else 4, at)
            if length > len(data) - at:
                raise _Malformed("an end in the middle of a field")
            value, at = data[at : at + length], at + length
        else:
            raise _Malformed("bytes that are no ONNX")
        if only is None or (number == only and kind == BYTES):
            yield number, kind, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(data):
            raise _Malformed("an end in the middle of a field")
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise _Malformed("a number without an end")
