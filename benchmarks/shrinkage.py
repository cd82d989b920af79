"""`python -m benchmarks.shrinkage [--write]`: what the thresholds cost in the graph of `bearing`.

The graph without one part after another, against `bearing-resnet`, which has the same layers and
widths and no thresholds. All of them give the probabilities alone, one window at a time.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
from onnx import numpy_helper

from agent.core.model_contract import INPUT, PROBABILITIES
from agent.inference import classifier, variant_trial, zoo
from benchmarks import document, options
from benchmarks.interleaved import compare
from benchmarks.machine import described

ROUNDS = 1000
HEADS = ("graph", "time to a ResNet's")
Change = Callable[[onnx.GraphProto], None]


def main() -> None:
    arguments = options.parse("shrinkage", __doc__)
    samples, _ = variant_trial.windows(classifier.load(zoo.find("bearing")).contract)
    resnet = _run("bearing-resnet", _as_it_is, samples[:1])
    rows: list[tuple[str, ...]] = []
    for name, change in CHANGES.items():
        ours = _run("bearing", change, samples[:1])
        ratio = compare(name, ours, resnet, options.rounds(ROUNDS, arguments.quick))
        rows.append((name, ratio.cell()))
    text = f"{described()}\n\n{document.table(HEADS, rows)}"
    print(text)
    if arguments.write:
        document.put("shrinkage", text)


def _run(name: str, change: Change, samples: np.ndarray) -> Callable[[], object]:
    model = onnx.load(zoo.find(name))
    change(model.graph)
    only = onnx.utils.Extractor(model).extract_model([INPUT], [PROBABILITIES])
    session = classifier.session(only.SerializeToString())
    return partial(session.run, [PROBABILITIES], {INPUT: samples})


def _as_it_is(_: onnx.GraphProto) -> None:
    """As released, but for the outputs."""


def _without_network(graph: onnx.GraphProto) -> None:
    """The share of the mean that is the threshold is constant; the mean is taken."""
    for at, (share, width) in enumerate(_shares(graph)):
        _replace(graph, share, np.full((1, width, 1, 1), 0.1, np.float32), f"share {at}")


def _without_mean(graph: onnx.GraphProto) -> None:
    """The thresholds are constant; they are subtracted."""
    scaled = [node for node in graph.node if node.op_type == "Neg"]
    for at, (node, (_, width)) in enumerate(zip(scaled, list(_shares(graph)), strict=True)):
        tau = np.full((1, width, 1, 1), 0.1, np.float32)
        _replace(graph, node.input[0], tau, f"threshold {at}")


def _without_subtraction(graph: onnx.GraphProto) -> None:
    """No thresholds: what is left is a ResNet."""
    clipped = {node.output[0] for node in graph.node if node.op_type == "Max"}
    for node in [n for n in graph.node if n.op_type == "Sub" and n.input[1] in clipped]:
        for later in graph.node:
            later.input[:] = [node.input[0] if i == node.output[0] else i for i in later.input]


def _shares(graph: onnx.GraphProto) -> list[tuple[str, int]]:
    """The output of each sigmoid, and how many thresholds it gives."""
    biases = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    convs = {node.output[0]: node for node in graph.node if node.op_type == "Conv"}
    return [
        (node.output[0], biases[convs[node.input[0]].input[2]])
        for node in graph.node
        if node.op_type == "Sigmoid"
    ]


def _replace(graph: onnx.GraphProto, name: str, constant: np.ndarray, by: str) -> None:
    graph.initializer.append(numpy_helper.from_array(constant, by))
    for node in graph.node:
        node.input[:] = [by if value == name else value for value in node.input]


CHANGES: dict[str, Change] = {
    "`bearing`": _as_it_is,
    "without the thresholds' sub-network": _without_network,
    "without their means of absolute values either": _without_mean,
    "without any threshold": _without_subtraction,
}


if __name__ == "__main__":
    main()
