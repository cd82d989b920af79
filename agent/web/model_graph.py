"""Finds the soft thresholds of an ONNX file and makes their tensors outputs.

It needs no `onnx` package: a model file is one Protocol Buffers message, in which messages written
one behind the other are merged, so that outputs are added by appending them.
"""

import msgspec

from agent.inference import protobuf
from agent.inference.protobuf import Content

# Field numbers of onnx.proto3.
GRAPH, NODE, OUTPUT = 7, 1, 12  # of ModelProto, of GraphProto
INPUTS, OUTPUTS, OP = 1, 2, 4  # of NodeProto
NAME = 1  # of ValueInfoProto


class Node(msgspec.Struct, frozen=True):
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Threshold(msgspec.Struct, frozen=True):
    """Names of a feature map before and after its soft threshold."""

    before: str
    after: str


def thresholds(model: bytes) -> list[Threshold]:
    """Each x - max(min(x, tau), -tau), in the graph's order; `MalformedError`."""
    nodes = [_node(data) for data in protobuf.contents(_graph(model), NODE)]
    by_output = {name: node for node in nodes for name in node.outputs}
    return [
        Threshold(node.inputs[0], node.outputs[0])
        for node in nodes
        if node.op == "Sub"
        and len(node.inputs) == 2
        and len(node.outputs) == 1
        and _clips(node.inputs[0], by_output.get(node.inputs[1]), by_output)
    ]


def with_outputs(model: bytes, names: list[str]) -> bytes:
    """The model with the tensors of those names as outputs, after its own outputs."""
    outputs = [protobuf.content(NAME, name.encode()) for name in names]
    added = b"".join(protobuf.content(OUTPUT, output) for output in outputs)
    return model + protobuf.content(GRAPH, added)


def _clips(x: str, node: Node | None, by_output: dict[str, Node]) -> bool:
    """Whether `node` is max(min(x, tau), -tau)."""
    if node is None or node.op != "Max":
        return False
    inputs = [by_output.get(name) for name in node.inputs]
    least = next((i for i in inputs if i and i.op == "Min" and x in i.inputs), None)
    negative = next((i for i in inputs if i and i.op == "Neg" and i.inputs), None)
    return least is not None and negative is not None and negative.inputs[0] in least.inputs


def _graph(model: bytes) -> bytes:
    return b"".join(protobuf.contents(model, GRAPH))


def _node(data: memoryview) -> Node:
    texts: dict[int, list[str]] = {INPUTS: [], OUTPUTS: [], OP: []}
    for field in protobuf.fields(data):
        if isinstance(field, Content) and field.number in texts:
            texts[field.number].append(bytes(field.data).decode(errors="replace"))
    return Node("".join(texts[OP]), tuple(texts[INPUTS]), tuple(texts[OUTPUTS]))
