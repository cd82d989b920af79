"""Reads the Protocol Buffers wire format without a schema: protobuf.dev, "Encoding".

Every length is checked against what is there, so that bytes from a stranger give fields or
`MalformedError`, and never more work than their own length.
"""

from collections.abc import Iterator

import msgspec

from agent.core.errors import UserError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; groups (3, 4) are deprecated
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}  # bytes
MAX_NUMBER = (1 << 29) - 1  # of a field
MAX_VARINT_BYTES = 10
MAX_VARINT = (1 << 64) - 1


class MalformedError(UserError):
    """The bytes are no message of the wire format; the text names what was found."""


class Number(msgspec.Struct, frozen=True):
    """A field that holds a varint or a fixed-width number, as unsigned bits."""

    number: int
    value: int


class Content(msgspec.Struct, frozen=True):
    """A field that holds bytes: a text, a message or packed numbers."""

    number: int
    data: memoryview


def fields(message: bytes | memoryview) -> Iterator[Number | Content]:
    """The fields of a message in their order; `MalformedError`."""
    data, at = memoryview(message), 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number <= MAX_NUMBER:
            raise MalformedError(f"a field with the number {number}")
        if wire_type == VARINT:
            value, at = _varint(data, at)
            yield Number(number, value)
        elif wire_type == BYTES:
            length, at = _varint(data, at)
            end = _end(data, at, length)
            yield Content(number, data[at:end])
            at = end
        elif wire_type in FIXED_SIZES:
            end = _end(data, at, FIXED_SIZES[wire_type])
            yield Number(number, int.from_bytes(data[at:end], "little"))
            at = end
        else:
            raise MalformedError(f"a field with the wire type {wire_type}")


def contents(message: bytes | memoryview, number: int) -> Iterator[memoryview]:
    """The bytes of each field with that number; `MalformedError`."""
    for field in fields(message):
        if isinstance(field, Content) and field.number == number:
            yield field.data


def content(number: int, data: bytes) -> bytes:
    """A field that holds those bytes, encoded."""
    return _encoded(number << 3 | BYTES) + _encoded(len(data)) + data


def _end(data: memoryview, at: int, length: int) -> int:
    if length > len(data) - at:
        raise MalformedError("an end in the middle of a field")
    return at + length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number, seven bits a byte with the lowest first, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if value > MAX_VARINT:
                raise MalformedError("a number of more than 64 bits")
            return value, at + place + 1
    if len(data) - at < MAX_VARINT_BYTES:
        raise MalformedError("an end in the middle of a field")
    raise MalformedError(f"a number of more than {MAX_VARINT_BYTES} bytes")


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
