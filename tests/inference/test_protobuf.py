"""Bytes from a stranger give fields or one kind of error, and no work beyond their own length."""

import contextlib
import random

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.errors import UserError
from agent.inference import onnx_check, protobuf, zoo
from agent.inference.protobuf import Content, MalformedError, Number
from agent.web import model_graph
from tests.support import tiny


def all_fields(data: bytes) -> list[Number | Content]:
    return list(protobuf.fields(data))


def test_every_wire_type_is_read_and_what_is_written_reads_back() -> None:
    varint, fixed32, fixed64 = b"\x08\x96\x01", b"\x15\x01\x02\x00\x00", b"\x19" + b"\xff" * 8
    text = protobuf.content(300, b"x" * 200)
    read = all_fields(varint + fixed32 + fixed64 + text)
    assert read[:3] == [Number(1, 150), Number(2, 513), Number(3, 2**64 - 1)]
    assert read[3:] == [Content(300, memoryview(b"x" * 200))]
    assert list(protobuf.contents(varint + text, 300)) == [b"x" * 200]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80", "an end in the middle"),
        (b"\x08", "an end in the middle"),
        (b"\x08\xff\xff", "an end in the middle"),
        (b"\x0a", "an end in the middle"),
        (b"\x0a\x05abcd", "an end in the middle"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "an end in the middle"),
        (b"\x0d\x00\x00\x00", "an end in the middle"),
        (b"\x09" + b"\x00" * 7, "an end in the middle"),
        (b"\x08" + b"\xff" * 10, "more than 10 bytes"),
        (b"\x08" + b"\x80" * 10 + b"\x00", "more than 10 bytes"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (b"\xff" * 10, "more than 10 bytes"),
        (b"\x00\x00", "the number 0"),
        (b"\xf8\xff\xff\xff\xff\x01\x00", "the number"),
        (b"\x0b\x0c", "wire type 3"),
        (b"\x0f", "wire type 7"),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else None,
)
def test_truncated_and_overlong_fields_are_malformed(data: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        all_fields(data)


def test_a_message_cut_anywhere_inside_a_field_is_malformed() -> None:
    whole = b"\x08\x96\x01" + protobuf.content(2, b"abc") + b"\x1d\x01\x02\x03\x04"
    ends = {3, 8, 13}
    for length in range(1, len(whole)):
        if length in ends:
            assert all_fields(whole[:length])
        else:
            with pytest.raises(MalformedError):
                all_fields(whole[:length])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_fields_within_them_or_malformed(data: bytes) -> None:
    try:
        read = all_fields(data)
    except MalformedError:
        return
    assert len(read) <= len(data) / 2
    assert sum(len(field.data) for field in read if isinstance(field, Content)) <= len(data)


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph, and so on."""
    model = onnx.ModelProto()
    graph = model.graph
    for _ in range(depth):
        graph = graph.node.add().attribute.add(type=onnx.AttributeProto.GRAPH).g
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(("depth", "deep"), [(12, False), (14, True), (30, True)])
def test_graphs_within_graphs_are_followed_up_to_a_depth(depth: int, deep: bool) -> None:
    if deep:
        with pytest.raises(UserError, match="nested deeper than 40"):
            onnx_check.metadata(nested(depth), "x.onnx")
    else:
        assert onnx_check.metadata(nested(depth), "x.onnx") == {}


def test_a_model_nested_without_end_is_refused_and_not_followed() -> None:
    data = b""
    for number in (6, 5, 1) * 1000:  # of an attribute's graph, a node's attribute, a graph's node
        data = protobuf.content(number, data)
    data = protobuf.content(7, data)
    with pytest.raises(UserError, match="nested deeper than 40"):
        onnx_check.metadata(data, "x.onnx")
    assert model_graph.thresholds(data) == []


def test_mutilated_models_are_read_or_malformed_by_both_readers() -> None:
    chance = random.Random(2)
    for whole in (tiny.build(), zoo.find("bearing").read_bytes()):
        for _ in range(150):
            at = chance.randrange(min(len(whole), 3000))
            data = whole[:at] + chance.randbytes(chance.randrange(6)) + whole[at + 1 :]
            data = data[: chance.choice([len(data), chance.randrange(1, len(data))])]
            with contextlib.suppress(UserError):
                onnx_check.metadata(data, "x")
            with contextlib.suppress(UserError):
                model_graph.thresholds(data)
