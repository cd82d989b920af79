"""Where an ONNX file thresholds softly, and its tensors made outputs, without the onnx package.

A model file is a protocol buffer. Of its wire format (protobuf.dev, "Encoding") two things are
enough: fields can be walked without knowing their schema, and messages written one behind the
other are merged, so that outputs are added by appending them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# Field numbers of onnx.proto3.
GRAPH, NODE, OUTPUT = 7, 1, 12  # of ModelProto, of GraphProto
INPUTS, OUTPUTS, OP = 1, 2, 4  # of NodeProto
NAME = 1  # of ValueInfoProto

BYTES = 2  # wire type: a length, and as many bytes


@dataclass(frozen=True)
class Node:
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Threshold:
    """Names of a feature map before and after its soft threshold."""

    before: str
    after: str


def thresholds(model: bytes) -> list[Threshold]:
    """x - max(min(x, tau), -tau), wherever the graph has it, in its order."""
    nodes = [_node(data) for data in _messages(_graph(model), NODE)]
    by_output = {name: node for node in nodes for name in node.outputs}
    found = []
    for node in nodes:
        if node.op == "Sub" and _clips(node.inputs[0], by_output.get(node.inputs[1]), by_output):
            found.append(Threshold(node.inputs[0], node.outputs[0]))
    return found


def with_outputs(model: bytes, names: list[str]) -> bytes:
    """The same model with those tensors as outputs behind its own."""
    added = b"".join(_field(OUTPUT, _field(NAME, name.encode())) for name in names)
    return model + _field(GRAPH, added)


def _clips(x: str, node: Node | None, by_output: dict[str, Node]) -> bool:
    """Whether `node` is max(min(x, tau), -tau)."""
    if node is None or node.op != "Max":
        return False
    parts = [by_output.get(name) for name in node.inputs]
    least = next((part for part in parts if part and part.op == "Min" and x in part.inputs), None)
    negative = next((part for part in parts if part and part.op == "Neg"), None)
    return least is not None and negative is not None and negative.inputs[0] in least.inputs


def _graph(model: bytes) -> bytes:
    return b"".join(_messages(model, GRAPH))


def _node(data: bytes) -> Node:
    texts: dict[int, list[str]] = {INPUTS: [], OUTPUTS: [], OP: []}
    for number, value in _fields(data):
        if number in texts:
            texts[number].append(value.decode())
    return Node("".join(texts[OP]), tuple(texts[INPUTS]), tuple(texts[OUTPUTS]))


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    return (value for found, value in _fields(data) if found == number)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field that has a length; the others are passed over."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == BYTES:
            length, at = _varint(data, at)
            yield key >> 3, data[at : at + length]
            at += length
        elif kind == 0:
            _, at = _varint(data, at)
        else:
            at += {1: 8, 5: 4}[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first; where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | BYTES) + _encoded(len(content)) + content


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
