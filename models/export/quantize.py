"""Post-training INT8: static QDQ of the convolutions, calibrated on windows of mixed noise.

Activations are unsigned and weights signed per channel: ONNX Runtime's fast path on x86.
Only the convolutions along time are quantized. The 1x1 ones work on pooled values: they are
the thresholds' sub-network and the classifier, cost next to nothing and are computed in float. So
is the transform of a spectrogram of which logarithms are taken: it spans more than 8 bits do. What
the file holds of the weights of either is the business of `models.export.weight_compression`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from agent.core.errors import UserError
from agent.core.model_contract import INPUT, RUNNING, Contract
from agent.inference import classifier
from models.data.batches import Batch
from models.data.recipe import Recipe, Source
from models.data.recordings import Array
from models.data.validation import calibration
from models.export.onnx_export import write
from models.export.weight_compression import compact
from models.training.train import training_recordings

FLOAT = ("network.spectrogram.", "network.colour.welch.")  # whose weights stay in float


class Windows(CalibrationDataReader):  # type: ignore[misc]
    """Calibration windows, a few at a time, as the graph reads them."""

    def __init__(self, drawn: Batch, inputs: Sequence[str], batch: int = 16) -> None:
        given = {INPUT: drawn.samples, RUNNING: drawn.running}
        self._batches: Iterator[dict[str, Array]] = iter(
            {name: given[name][start : start + batch] for name in inputs}
            for start in range(0, len(drawn.samples), batch)
        )

    def get_next(self) -> dict[str, Array] | None:
        return next(self._batches, None)


def quantize(
    source: Path, path: Path, drawn: Batch, contract: Contract, reduce_range: bool = True
) -> None:
    """Writes the INT8 form of the float network `source` to `path`, calibrated on those windows.

    `reduce_range` leaves weights 7 bits of the 8: on x86 without VNNI the sum of two products
    saturates otherwise, and the same file would answer differently on another processor.
    """
    model = onnx.load(source)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        quantize_static(
            model,
            draft,
            Windows(drawn, [each.name for each in model.graph.input]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu"],
            nodes_to_exclude=_kept(model.graph),
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        write(compact(onnx.load(draft)), path, contract)


def quantize_file(source: Path, contract: Contract, recipe: Recipe, root: Path, path: Path) -> None:
    """The INT8 form of `source`, calibrated on the recipe's training recordings below `root`."""
    drawn = calibration(recipe, training_recordings(recipe, root))
    quantize(source, path, drawn, msgspec.structs.replace(contract, precision="int8"))


def float_contract(source: Path) -> Contract:
    """What the file says of itself; UserError where it is no float network of ours."""
    contract = classifier.load(source).contract
    if contract.precision != "float32":
        raise UserError(f"{source}: precision: found {contract.precision}, expected float32")
    return contract


def recipe_of(contract: Contract, source: Source) -> Recipe:
    """As much of the recipe as calibration needs, from the file and its data set."""
    return Recipe(
        name=contract.name,
        labels=contract.labels,
        normal=contract.normal,
        rate_hz=contract.rate_hz,
        window=contract.window,
        data=(source,),
    )


def _kept(graph: onnx.GraphProto) -> list[str]:
    """What is computed in float, by name.

    A ReLU behind a quantized convolution is none of it: rounded once, to the range above zero, the
    two are one step. Other ReLUs stand behind an addition in float.
    """
    whole = {name for node in graph.node if along_time(node) for name in node.output}
    convolutions = [n for n in graph.node if n.op_type == "Conv" and not along_time(n)]
    relus = [n for n in graph.node if n.op_type == "Relu" and n.input[0] not in whole]
    return [node.name for node in (*convolutions, *relus)]


def along_time(node: onnx.NodeProto) -> bool:
    """Whether it is one of the convolutions that are quantized."""
    return node.op_type == "Conv" and not (_is_pointwise(node) or _is_spectrogram(node))


def _is_pointwise(node: onnx.NodeProto) -> bool:
    sizes = [tuple(a.ints) for a in node.attribute if a.name == "kernel_shape"]
    return node.op_type == "Conv" and sizes == [(1, 1)]


def _is_spectrogram(node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and any(name.startswith(FLOAT) for name in node.input)
