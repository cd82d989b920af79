"""What a file need not hold: few bits tell a pooled weight, and a Fourier basis is a formula.

What takes their place are constants under a Cast, a Mul, a Cos: ONNX Runtime works them out once,
when it loads, and runs what it would have run. What a network computes of a signal is not rounded.
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
MOST_ROUNDED = 0.01  # RMS of what rounding changes, of the weights' own RMS, over a whole tensor
LEAST = 1024  # bytes: of smaller ones the names take as much
NEAR = 1e-4  # of the largest: bases are computed in float32, by angles of many turns


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """The convolutions' float weights in as many bits as they need, Fourier bases as a formula."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.value_info[:]  # shapes, which every runtime works out by itself
    given = {each.name for each in found.graph.input}
    floats = [each for each in found.graph.initializer if each.data_type == TensorProto.FLOAT]
    stored = {each.name: each for each in floats if each.name not in given}
    for node in [node for node in found.graph.node if node.op_type == "Conv"]:
        tensor = stored.pop(node.input[1], None)
        if tensor is not None and (part := _shorter(tensor)) is not None:
            _put(found.graph, tensor, *part)
    return found


def is_basis(weights: Floats) -> bool:
    """Whether [2 bins, 1, 1, frames] are the cosines and sines of `basis` under some taper."""
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
    """What the cosine and the sine of the first bin share: [frames], at least 0."""
    shared: Floats = np.hypot(weights[0, 0, 0], weights[len(weights) // 2, 0, 0])
    return shared


def _shorter(tensor: onnx.TensorProto) -> Part | None:
    """What gives the same weights, or nearly; None where nothing shorter does."""
    weights = numpy_helper.to_array(tensor)
    if weights.nbytes <= LEAST:
        return None
    if is_basis(weights):
        return _formula(tensor.name, weights)
    for fewer in (_eight_bits, _sixteen_bits):
        rounded, part = fewer(tensor.name, weights)
        if _rms(rounded - weights) <= MOST_ROUNDED * _rms(weights):
            return part
    return None


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _formula(name: str, weights: Floats) -> Part:
    """As `basis` computes it."""
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
    """INT8 with a scale for each channel: what they become, and how."""
    peaks = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale = (np.maximum(peaks, np.finfo(np.float32).tiny) / BITS).astype(np.float32)
    whole = np.round(weights / scale).astype(np.int8)
    lines = [("Cast", ["int8"], "wide"), ("Mul", ["wide", "scale"], "")]
    return whole * scale, _named(name, lines, {"int8": whole, "scale": scale})


def _sixteen_bits(name: str, weights: Floats) -> tuple[Floats, Part]:
    """As they are in half precision."""
    with np.errstate(over="ignore"):  # such weights come out infinite, and are not taken
        half = weights.astype(np.float16)
    return half.astype(np.float32), _named(name, [("Cast", ["half"], "")], {"half": half})


def _named(name: str, lines: list[tuple[str, list[str], str]], constants: Constants) -> Part:
    """Nodes and constants under the weights' name; the last one gives the weights themselves."""

    def full(part: str) -> str:
        return f"{name}/{part}" if part else name  # as no exporter names one

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
