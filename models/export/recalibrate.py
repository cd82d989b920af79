"""Calibrates an exported network anew: its temperature and its `distance`. Labels stay to the bit.

A release is calibrated when it is trained (`models.training.train_and_calibrate`). This does the
same to files without training again: for another `unseen_temperature`, or for a file that was
exported without a `distance`. All forms of a network get what its released file measures.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from agent.core.model_contract import INPUT, PROBABILITIES, RUNNING
from agent.inference import classifier
from models.data import validation
from models.data.batches import batches
from models.data.recipe import Recipe
from models.data.recordings import Array, Recording
from models.data.validation import Labelled
from models.export.onnx_export import write
from models.networks.distance import SHORTEST, Rows, typical_features
from models.training.calibrate import temperature
from models.training.train_and_calibrate import FIT_WINDOWS

OUTPUT = "distance"
BATCH = 64  # windows


@dataclass(frozen=True)
class Calibration:
    """What is fitted to data after training; `near` None: the file has a `distance` already."""

    temperature: float
    near: Rows | None
    max_distance: float


def measure(
    model: onnx.ModelProto, recipe: Recipe, recordings: list[Recording], noisy: Labelled
) -> Calibration:
    """Of the released file, with the recipe's training recordings and noisy validation windows."""
    logits = run(model, _scaled(model.graph).input[0], noisy.samples, noisy.running)
    fitted = temperature(torch.from_numpy(logits), torch.from_numpy(noisy.targets))
    near = None if _has_distance(model) else _near(model, recipe, recordings)
    grown = model if near is None else _grafted(model, near)
    limit = farthest(grown, noisy, recipe.unknown_rate)
    return Calibration(fitted * recipe.unseen_temperature, near, limit)


def farthest(model: onnx.ModelProto, noisy: Labelled, unknown_rate: float) -> float:
    """The distance that a share `unknown_rate` of the windows exceeds."""
    distances = run(model, OUTPUT, noisy.samples, noisy.running)
    return float(np.quantile(distances, 1 - unknown_rate))


def apply(model: onnx.ModelProto, calibration: Calibration) -> onnx.ModelProto:
    """A copy of any form of the network with that calibration."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    divisor = _scaled(result.graph).input[1]
    (stored,) = (tensor for tensor in result.graph.initializer if tensor.name == divisor)
    shape = numpy_helper.to_array(stored).shape
    value = np.full(shape, calibration.temperature, np.float32)
    stored.CopyFrom(numpy_helper.from_array(value, divisor))
    return result if calibration.near is None else _grafted(result, calibration.near)


def rewrite(path: Path, calibration: Calibration) -> None:
    """The file with that calibration, in place; its other metadata stay."""
    contract = classifier.load(path).contract
    limit = round(calibration.max_distance, 6)
    changed = msgspec.structs.replace(contract, max_distance=limit)
    write(apply(onnx.load(path), calibration), path, changed)


def windows(recipe: Recipe, root: Path) -> Labelled:
    """The validation windows under the recipe's noise."""
    noisy, _ = validation.in_noise(validation.together(recipe, root), recipe)
    return noisy


def _has_distance(model: onnx.ModelProto) -> bool:
    return OUTPUT in [value.name for value in model.graph.output]


def _near(model: onnx.ModelProto, recipe: Recipe, recordings: list[Recording]) -> Rows:
    """What the training windows of each label typically look like to the network."""
    many = msgspec.structs.replace(recipe, batch=FIT_WINDOWS)
    drawn = next(batches(recordings, many, np.random.default_rng(recipe.seed + 1)))
    rows = run(model, features(model.graph), drawn.samples, drawn.running)
    return typical_features(rows.reshape(len(rows), -1), drawn.targets)


def _scaled(graph: onnx.GraphProto) -> Any:
    """The node that divides the logits by the temperature; `ValueError` where there is none."""
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(makers[PROBABILITIES].input[0])
    if node is None or node.op_type != "Div":
        raise ValueError("found no division before the softmax, expected the temperature")
    return node


def features(graph: onnx.GraphProto) -> str:
    """The name of the classifier's input [batch, features, 1, 1]: a convolution makes the logits.

    `ValueError` where none does.
    """
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(_scaled(graph).input[0])
    while node is not None and node.op_type != "Conv":
        node = makers.get(node.input[0])
    if node is None:
        raise ValueError("found no convolution before the softmax, expected the classifier")
    return str(node.input[0])


def _with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """A copy that also returns the tensor of that name."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    if name not in [value.name for value in result.graph.output]:
        result.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return result


def run(model: onnx.ModelProto, output: str, samples: Array, running: Array) -> Rows:
    """That tensor for windows [n, channels, window] of machines [n, 5]."""
    session = classifier.session(_with_output(model, output).SerializeToString())
    names = {value.name for value in model.graph.input}
    parts = []
    for start in range(0, len(samples), BATCH):
        rows = slice(start, start + BATCH)
        inputs = {INPUT: samples[rows], RUNNING: running[rows]}
        feed = {name: array for name, array in inputs.items() if name in names}
        parts.append(session.run([output], feed)[0])
    return np.concatenate(parts)


def _distance_nodes(source: str, width: int) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """The nodes of the distance: operator, inputs, output, attributes."""
    pooled = {"kernel_shape": [1, width], "strides": [1, width]}
    return [
        ("Conv", [source, "alike"], "products", {}),
        ("Reshape", ["products", "shape"], "rows", {}),
        ("Mul", [source, source], "squares", {}),
        ("Transpose", ["squares"], "turned", {"perm": [0, 3, 2, 1]}),
        ("AveragePool", ["turned"], "mean", pooled),
        ("Reshape", ["mean", "flat"], "flat_mean", {}),
        ("Mul", ["flat_mean", "width"], "squared", {}),
        ("Clip", ["squared", "shortest"], "bounded", {}),
        ("Sqrt", ["bounded"], "length", {}),
        ("Div", ["rows", "length"], "cosines", {}),
        ("ReduceMax", ["cosines", "last_axis"], "nearest", {"keepdims": 0}),
        ("Sub", ["one", "nearest"], OUTPUT, {}),
    ]


def _grafted(model: onnx.ModelProto, near: Rows) -> onnx.ModelProto:
    """A copy with `models.networks.distance.Distance` as nodes behind the features.

    It pools like the original, since ONNX Runtime rounds a pooled sum alike at every batch size.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph, count, source = result.graph, len(near), features(model.graph)
    width = near.shape[1]
    constants = {
        "alike": near[:, :, None, None],
        "shape": np.array([-1, count]),
        "flat": np.array([-1, 1]),
        "width": np.array(width, np.float32),
        "shortest": np.array(SHORTEST, np.float32),
        "one": np.array(1.0, np.float32),
        "last_axis": np.array([1]),
    }

    def full(name: str) -> str:
        return name if name in (source, OUTPUT) else f"{OUTPUT}/{name}"

    for kind, inputs, output, attributes in _distance_nodes(source, width):
        names = [full(name) for name in inputs]
        graph.node.append(helper.make_node(kind, names, [full(output)], **attributes))
    graph.initializer.extend(
        numpy_helper.from_array(value, full(name)) for name, value in constants.items()
    )
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch"]))
    return result
