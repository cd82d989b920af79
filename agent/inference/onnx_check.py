"""Checks an ONNX file before a runtime may see it.

An .onnx file is one Protocol Buffers message, `ModelProto` (github.com/onnx/onnx, onnx.proto). This
module reads the metadata, and refuses a file in which any tensor, in whatever graph or function,
says that its data lie in another file. It needs neither ONNX Runtime nor the `onnx` package.
"""

from agent.core.errors import UserError
from agent.inference import protobuf
from agent.inference.protobuf import Content, MalformedError, Number

MAX_DEPTH = 40  # of messages within messages
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a TensorProto
METADATA = 14  # of a ModelProto
KEY, VALUE = 1, 2  # of a StringStringEntryProto

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


def metadata(model: bytes, where: str) -> dict[str, str]:
    """The model's metadata; `UserError` for a file that is truncated or needs other files.

    `where` names the file in the error.
    """
    if model[4:8] == b"ORTM":
        raise UserError(f"{where}: found ONNX Runtime's own format, expected ONNX")
    try:
        _check(memoryview(model), "Model", 0)
        return dict(_pair(entry) for entry in protobuf.contents(model, METADATA))
    except MalformedError as error:
        raise UserError(f"{where}: found {error}, expected an ONNX model in one file") from None
    except UnicodeDecodeError:
        raise UserError(f"{where}: metadata: found bytes that are not UTF-8") from None


def _check(data: memoryview, message: str, depth: int) -> None:
    """`MalformedError` where a tensor's data lie elsewhere, or what leads to it cannot be read."""
    if depth > MAX_DEPTH:
        raise MalformedError(f"messages nested deeper than {MAX_DEPTH}")
    for field in protobuf.fields(data):
        if message == "Tensor":
            _check_tensor(field)
        elif (inner := REACH[message].get(field.number)) is not None:
            if not isinstance(field, Content):
                raise MalformedError("a number where a message belongs")
            _check(field.data, inner, depth + 1)


def _check_tensor(field: Number | Content) -> None:
    inside = isinstance(field, Number) and field.value == 0  # TensorProto.DEFAULT
    if field.number == EXTERNAL_DATA or (field.number == DATA_LOCATION and not inside):
        raise MalformedError("a tensor whose data lie in another file")


def _pair(entry: memoryview) -> tuple[str, str]:
    """Key and value of a StringStringEntryProto; of a field given twice the last one counts."""
    texts = {KEY: b"", VALUE: b""} | {
        field.number: bytes(field.data)
        for field in protobuf.fields(entry)
        if isinstance(field, Content)
    }
    return texts[KEY].decode(), texts[VALUE].decode()
