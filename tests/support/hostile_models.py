"""Models that are signed and do harm: they never return, eat memory or answer nonsense."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support import bundles, tiny

KINDS = ("hangs", "eats memory", "gives no number", "widens")


def write(folder: Path, version: str, kind: str, above: float, floats: int = 2**36) -> Path:
    """Does harm to windows in which the largest sample is above that; the tiny model else.

    `floats`: how many it wants where it eats memory.
    """
    described = tiny.contract(version=version)
    model = onnx.load_from_string(tiny.build(described))
    graph = model.graph
    final = graph.node[-1]
    final.output[0] = "good"
    constants = {
        "above": np.float32(above),
        "endless": np.array(2**62),
        "yes": np.array(True),
        "huge": np.array([floats]),
        "nan": np.float32(np.nan),
        "columns": np.array([1, 5]),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()
    )
    graph.node.extend(
        [
            helper.make_node("ReduceMax", ["samples"], ["top"], keepdims=0),
            helper.make_node("Greater", ["top", "above"], ["triggered"]),
            helper.make_node(
                "If",
                ["triggered"],
                ["probabilities"],
                then_branch=_harm(kind),
                else_branch=_graph("harmless", [helper.make_node("Identity", ["good"], ["out"])]),
            ),
        ]
    )
    file = folder / f"hostile-{version}.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def bundle(folder: Path, version: str, kind: str, above: float) -> Path:
    """Signed by the key that the tests trust."""
    out = folder / f"tiny-{version}.drsn"
    file = write(folder, version, kind, above)
    done = bundles.agent("bundle", file, "--out", out, "--key", bundles.key(folder))
    assert done.returncode == 0, done.stderr
    return out


def _harm(kind: str) -> onnx.GraphProto:
    made = {
        "hangs": [
            helper.make_node("Loop", ["endless", "yes", "good"], ["out"], body=_body()),
        ],
        "eats memory": [
            helper.make_node("ConstantOfShape", ["huge"], ["much"]),
            helper.make_node("ReduceMax", ["much"], ["zero"], keepdims=0),
            helper.make_node("Add", ["good", "zero"], ["out"]),
        ],
        "gives no number": [helper.make_node("Mul", ["good", "nan"], ["out"])],
        "widens": [helper.make_node("Tile", ["good", "columns"], ["out"])],
    }
    return _graph("harm", made[kind])


def _body() -> onnx.GraphProto:
    nodes = [
        helper.make_node("Identity", ["go_on"], ["again"]),
        helper.make_node("Sin", ["carried"], ["next"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("turn", TensorProto.INT64, []),
        value("go_on", TensorProto.BOOL, []),
        value("carried", TensorProto.FLOAT, None),
    ]
    outputs = [value("again", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, None)]
    return helper.make_graph(nodes, "body", inputs, outputs)


def _graph(name: str, nodes: list[onnx.NodeProto]) -> onnx.GraphProto:
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [out])
