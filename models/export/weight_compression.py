"""Shortens the weights in a file: pooled weights in fewer bits, a Fourier basis as a formula.

The short forms are constants under Cast, Mul and Cos. ONNX Runtime computes them once when it loads
the file and then runs the same graph. The arithmetic on the signal stays in float32.
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
LARGEST = 127  # the INT8 value of a channel's largest weight
MAX_ROUNDED = 0.01  # RMS of the rounding error over the RMS of the weights, of a whole tensor
LEAST = 1024  # bytes: below this the names of the parts take as much space
NEAR = 1e-4  # of the largest weight: bases are computed in float32, from large angles


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose convolutions have float weights in fewer bits and Fourier bases as formulas."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.value_info[:]  # shapes, which every runtime infers
    inputs = {value.name for value in result.graph.input}
    floats = [t for t in result.graph.initializer if t.data_type == TensorProto.FLOAT]
    stored = {tensor.name: tensor for tensor in floats if tensor.name not in inputs}
    for node in [node for node in result.graph.node if node.op_type == "Conv"]:
        tensor = stored.pop(node.input[1], None)
        if tensor is not None and (part := _shorter(tensor)) is not None:
            _put(result.graph, tensor, *part)
    return result


def is_basis(weights: Floats) -> bool:
    """Whether [2 bins, 1, 1, frames] are the cosines and sines of `basis` under any taper."""
    frames = weights.shape[-1]
    if frames < 2 or weights.shape != (frames // 2 * 2, 1, 1, frames):
        return False
    return bool(np.abs(basis(_taper(weights)) - weights).max() <= NEAR * np.abs(weights).max())


def basis(taper: Floats) -> Floats:
    """[2 bins, 1, 1, frames]: cosines and sines of bins 1 to frames / 2 under a taper [frames]."""
    frames = len(taper)
    bins, times = np.arange(1, frames // 2 + 1)[:, None], np.arange(frames)
    angle = (bins * times % frames).astype(np.float32) * np.float32(2 * math.pi / frames)
    waves: Floats = np.concatenate([np.cos(angle), np.sin(angle)]) * taper
    return waves[:, None, None]


def _taper(weights: Floats) -> Floats:
    """The taper [frames], at least 0, that the cosine and sine of the first bin share."""
    shared: Floats = np.hypot(weights[0, 0, 0], weights[len(weights) // 2, 0, 0])
    return shared


def _shorter(tensor: onnx.TensorProto) -> Part | None:
    """A shorter form of the same weights, or nearly the same; None where there is none."""
    weights = numpy_helper.to_array(tensor)
    if weights.nbytes <= LEAST:
        return None
    if is_basis(weights):
        return _formula(tensor.name, weights)
    for fewer in (_eight_bits, _sixteen_bits):
        rounded, part = fewer(tensor.name, weights)
        if _rms(rounded - weights) <= MAX_ROUNDED * _rms(weights):
            return part
    return None


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _formula(name: str, weights: Floats) -> Part:
    """The nodes and constants that compute `basis`."""
    frames = weights.shape[-1]
    constants = {
        "bins": np.arange(1, frames // 2 + 1).reshape(-1, 1, 1, 1),
        "times": np.arange(frames).reshape(1, 1, 1, -1),
        "frames": np.array(frames),
        "step": np.array(2 * math.pi / frames, np.float32),
        "taper": _taper(weights),
    }
    lines = [
        ("Mul", ["bins", "times"], "product"),
        ("Mod", ["product", "frames"], "turn"),
        ("Cast", ["turn"], "real"),
        ("Mul", ["real", "step"], "angle"),
        ("Cos", ["angle"], "cosines"),
        ("Sin", ["angle"], "sines"),
        ("Concat", ["cosines", "sines"], "waves"),
        ("Mul", ["waves", "taper"], ""),
    ]
    return _named(name, lines, constants)


def _eight_bits(name: str, weights: Floats) -> tuple[Floats, Part]:
    """INT8 with a scale for each channel: the rounded weights, and their nodes and constants."""
    peaks = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale = (np.maximum(peaks, np.finfo(np.float32).tiny) / LARGEST).astype(np.float32)
    whole = np.round(weights / scale).astype(np.int8)
    lines = [("Cast", ["int8"], "wide"), ("Mul", ["wide", "scale"], "")]
    return whole * scale, _named(name, lines, {"int8": whole, "scale": scale})


def _sixteen_bits(name: str, weights: Floats) -> tuple[Floats, Part]:
    """Half precision: the rounded weights, and their nodes and constants."""
    with np.errstate(
        over="ignore"
    ):  # too large weights become infinite, and this form is then not used
        half = weights.astype(np.float16)
    return half.astype(np.float32), _named(name, [("Cast", ["half"], "")], {"half": half})


def _named(name: str, lines: list[tuple[str, list[str], str]], constants: Constants) -> Part:
    """Nodes and constants with names below the weights' name; the last node has the name itself."""

    def full(part: str) -> str:
        return f"{name}/{part}" if part else name  # a name that no exporter uses

    nodes = [
        helper.make_node(
            kind, [full(part) for part in inputs], [full(output)], **ATTRIBUTES.get(kind, {})
        )
        for kind, inputs, output in lines
    ]
    return nodes, {full(part): value for part, value in constants.items()}


def _put(
    graph: onnx.GraphProto,
    tensor: onnx.TensorProto,
    nodes: list[onnx.NodeProto],
    constants: Constants,
) -> None:
    """Replaces the tensor by nodes and constants, before all nodes that may read it."""
    graph.initializer.remove(tensor)
    graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
    kept = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *kept])
