"""What a file need not hold: few bits tell a pooled weight, and a Fourier basis is a formula.

What takes their place are constants under a Cast, a Mul, a Cos: ONNX Runtime works them out once,
when it loads, and runs what it would have run. Nothing is rounded that depends on a window.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Floats = npt.NDArray[np.float32]
Constants = dict[str, npt.NDArray[Any]]
Part = tuple[list[onnx.NodeProto], Constants]
ATTRIBUTES: dict[str, dict[str, Any]] = {"Cast": {"to": TensorProto.FLOAT}, "Concat": {"axis": 0}}
BITS = 127  # of a weight's largest value
MOST_ROUNDED = 0.01  # of the weights' RMS: where eight bits round more it takes sixteen
LEAST = 1024  # bytes: of smaller ones the names take as much
NEAR = 1e-4  # of the largest: bases are computed in float32, by angles of many turns


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """The convolutions' float weights in 8 or 16 bits, bases under a window as a formula."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.value_info[:]  # shapes, which every runtime works out by itself
    stored = {each.name: each for each in found.graph.initializer}
    for node in [node for node in found.graph.node if node.op_type == "Conv"]:
        tensor = stored.pop(node.input[1], None)
        if tensor is not None and (part := _shorter(tensor)) is not None:
            _put(found.graph, tensor, *part)
    return found


def is_basis(weights: Floats) -> bool:
    """Whether [2 bins, 1, 1, 2 bins] are the cosines and sines of `basis` under some window."""
    frames = weights.shape[-1]
    if frames % 2 or weights.shape != (frames, 1, 1, frames):
        return False
    return bool(np.abs(basis(_window(weights)) - weights).max() <= NEAR * np.abs(weights).max())


def basis(window: Floats) -> Floats:
    """[frames, 1, 1, frames]: cosines and sines of bins 1 to frames / 2 under a window [frames]."""
    frames = len(window)
    bins, times = np.arange(1, frames // 2 + 1)[:, None], np.arange(frames)
    angle = (bins * times % frames).astype(np.float32) * np.float32(2 * math.pi / frames)
    waves: Floats = np.concatenate([np.cos(angle), np.sin(angle)]) * window
    return waves[:, None, None]


def _window(weights: Floats) -> Floats:
    """What the cosine and the sine of the first bin share."""
    shared: Floats = np.hypot(weights[0, 0, 0], weights[len(weights) // 2, 0, 0])
    return shared


def _shorter(tensor: onnx.TensorProto) -> Part | None:
    """What gives the same weights, or nearly; None where it would be no shorter."""
    weights = numpy_helper.to_array(tensor)
    if weights.nbytes <= LEAST:
        return None
    if is_basis(weights):
        return _formula(tensor.name, weights)
    rounded, part = _eight_bits(tensor.name, weights)
    rough = np.std(rounded - weights) > MOST_ROUNDED * np.std(weights)
    return _sixteen_bits(tensor.name, weights) if rough else part


def _formula(name: str, weights: Floats) -> Part:
    """As `basis` computes it."""
    frames = len(weights)
    constants = {
        "bins": np.arange(1, frames // 2 + 1).reshape(-1, 1, 1, 1),
        "times": np.arange(frames).reshape(1, 1, 1, -1),
        "frames": np.array(frames),
        "step": np.array(2 * math.pi / frames, np.float32),
        "window": _window(weights),
    }
    lines = [
        ("Mul", ["bins", "times"], "product"),
        ("Mod", ["product", "frames"], "turn"),
        ("Cast", ["turn"], "real"),
        ("Mul", ["real", "step"], "angle"),
        ("Cos", ["angle"], "cosines"),
        ("Sin", ["angle"], "sines"),
        ("Concat", ["cosines", "sines"], "waves"),
        ("Mul", ["waves", "window"], ""),
    ]
    return _named(name, lines, constants)


def _eight_bits(name: str, weights: Floats) -> tuple[Floats, Part]:
    """INT8 with a scale for each channel: what they become, and how."""
    peaks = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale = (np.maximum(peaks, np.finfo(np.float32).tiny) / BITS).astype(np.float32)
    whole = np.round(weights / scale).astype(np.int8)
    lines = [
        ("Cast", ["int8"], "wide"),
        ("Mul", ["wide", "scale"], ""),
    ]
    return whole * scale, _named(name, lines, {"int8": whole, "scale": scale})


def _sixteen_bits(name: str, weights: Floats) -> Part:
    lines = [("Cast", ["half"], "")]
    return _named(name, lines, {"half": weights.astype(np.float16)})


def _named(name: str, lines: list[tuple[str, list[str], str]], constants: Constants) -> Part:
    """Nodes and constants under the weights' name; the last one gives the weights themselves."""

    def full(part: str) -> str:
        return f"{name}_{part}" if part else name

    nodes = [
        helper.make_node(
            kind, [full(each) for each in given], [full(made)], **ATTRIBUTES.get(kind, {})
        )
        for kind, given, made in lines
    ]
    return nodes, {full(part): value for part, value in constants.items()}


def _put(
    graph: onnx.GraphProto,
    tensor: onnx.TensorProto,
    nodes: list[onnx.NodeProto],
    constants: Constants,
) -> None:
    """In the tensor's place, before everything that may read it."""
    graph.initializer.remove(tensor)
    graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
    kept = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *kept])
