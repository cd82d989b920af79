"""The payload of Sparkplug B as protobuf messages.

Only field numbers and types go over the wire, so the messages are described here, by the table of
the specification (Eclipse Sparkplug 3.0.0, chapter 6). They have a package name of their own, so
that they do not clash with another definition that a process may load.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorProto as File
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

_PACKAGE = "drsn.sparkplug"
_Field = FieldDescriptorProto
_PAYLOAD = (
    ("timestamp", 1, _Field.TYPE_UINT64),
    ("metrics", 2, _Field.TYPE_MESSAGE),
    ("seq", 3, _Field.TYPE_UINT64),
)
_METRIC = (
    ("name", 1, _Field.TYPE_STRING),
    ("alias", 2, _Field.TYPE_UINT64),
    ("timestamp", 3, _Field.TYPE_UINT64),
    ("datatype", 4, _Field.TYPE_UINT32),
    ("is_historical", 5, _Field.TYPE_BOOL),
    ("is_transient", 6, _Field.TYPE_BOOL),
    ("is_null", 7, _Field.TYPE_BOOL),
    ("properties", 9, _Field.TYPE_MESSAGE),
)
_PROPERTIES = (("keys", 1, _Field.TYPE_STRING), ("values", 2, _Field.TYPE_MESSAGE))
_PROPERTY = (("type", 1, _Field.TYPE_UINT32), ("string_value", 8, _Field.TYPE_STRING))
_VALUE = (  # one of these
    ("int_value", 10, _Field.TYPE_UINT32),
    ("long_value", 11, _Field.TYPE_UINT64),
    ("float_value", 12, _Field.TYPE_FLOAT),
    ("double_value", 13, _Field.TYPE_DOUBLE),
    ("boolean_value", 14, _Field.TYPE_BOOL),
    ("string_value", 15, _Field.TYPE_STRING),
)


def read(payload: bytes) -> Any:
    """A payload's fields `timestamp`, `metrics` and `seq`; `ValueError` for other bytes."""
    try:
        return Payload.FromString(payload)
    except DecodeError:
        raise ValueError("no Sparkplug payload") from None


def _describe() -> File:
    file = File(name="drsn/sparkplug.proto", package=_PACKAGE, syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = file.message_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for name, number, kind in _PAYLOAD:
        _add(payload, name, number, kind)
    payload.field[1].label = _Field.LABEL_REPEATED
    payload.field[1].type_name = f".{_PACKAGE}.Metric"
    for name, number, kind in _METRIC:
        _add(metric, name, number, kind)
    metric.field[-1].type_name = f".{_PACKAGE}.Properties"
    _describe_properties(file)
    for name, number, kind in _VALUE:
        _add(metric, name, number, kind).oneof_index = 0
    return file


def _describe_properties(file: File) -> None:
    """A metric's properties: two lists of the same length."""
    properties = file.message_type.add(name="Properties")
    for name, number, kind in _PROPERTIES:
        _add(properties, name, number, kind).label = _Field.LABEL_REPEATED
    properties.field[1].type_name = f".{_PACKAGE}.Property"
    value = file.message_type.add(name="Property")
    for name, number, kind in _PROPERTY:
        _add(value, name, number, kind)


def _add(message: DescriptorProto, name: str, number: int, kind: Any) -> FieldDescriptorProto:
    return message.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL)


_pool = DescriptorPool()
_pool.AddSerializedFile(_describe().SerializeToString())
Payload: Any = GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
