"""A tiny model file for tests, built by hand with no training: it hears how loud a window is."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from agent.core.model_contract import METADATA_KEY, SCHEMA, Contract

LABELS = ("normal", "loud")


def contract(**changes: object) -> Contract:
    fields: dict[str, object] = {
        "schema": SCHEMA,
        "name": "tiny",
        "version": "1",
        "family": "by hand",
        "labels": LABELS,
        "normal": ("normal",),
        "rate_hz": 1000.0,
        "window": 200,
        "channels": 1,
        "unit": "g",
        "precision": "float32",
    }
    return Contract(**(fields | changes))  # type: ignore[arg-type]


def build(described: Contract | None = None, metadata: str | None = None, **shape: int) -> bytes:
    """P(loud) = softmax of 20 (RMS - 0.3) against 0; shape may contradict the contract."""
    described = described or contract()
    window = shape.get("window", described.window)
    channels = shape.get("channels", described.channels)
    classes = shape.get("classes", len(described.labels))
    slope = np.zeros((1, classes), np.float32)
    slope[0, 1] = 20.0
    nodes = [
        helper.make_node("Mul", ["samples", "samples"], ["square"]),
        helper.make_node("ReduceMean", ["square", "axes"], ["power"], keepdims=0),
        helper.make_node("Sqrt", ["power"], ["rms"]),
        helper.make_node("Sub", ["rms", "bound"], ["over"]),
        helper.make_node("Unsqueeze", ["over", "last"], ["column"]),
        helper.make_node("Mul", ["column", "slope"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    constants = {
        "axes": np.array([1, 2]),
        "bound": np.float32(0.3),
        "last": np.array([1]),
        "slope": slope,
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", channels, window])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    text = described.to_json() if metadata is None else metadata
    if text:
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def write(
    path: Path, described: Contract | None = None, metadata: str | None = None, **shape: int
) -> Path:
    path.write_bytes(build(described, metadata, **shape))
    return path
