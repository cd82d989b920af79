"""Post-training INT8: static QDQ of the convolutions, calibrated on windows of mixed noise.

Activations are unsigned and weights signed per channel: ONNX Runtime's fast path on x86.
Only the convolutions along time are quantized. The 1x1 convolutions work on pooled values (the
thresholds' sub-network and the classifier), cost very little and are computed in float. So is the
transform of a spectrogram whose logarithm is taken: its range exceeds 8 bits.
`models.export.weight_compression` decides how the file stores these float weights.
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

FLOAT = (  # begin the names of weights that stay in float; `colour` in files before version 0.2
    *("network.spectrogram.", "network.spectrum_branch.welch.", "network.colour.welch."),
)


class Windows(CalibrationDataReader):  # type: ignore[misc]
    """Calibration windows, a few at a time, as the graph reads them."""

    def __init__(self, drawn: Batch, inputs: Sequence[str], batch: int = 16) -> None:
        arrays = {INPUT: drawn.samples, RUNNING: drawn.running}
        self._batches: Iterator[dict[str, Array]] = iter(
            {name: arrays[name][start : start + batch] for name in inputs}
            for start in range(0, len(drawn.samples), batch)
        )

    def get_next(self) -> dict[str, Array] | None:
        return next(self._batches, None)


def quantize(
    source: Path, path: Path, drawn: Batch, contract: Contract, reduce_range: bool = True
) -> None:
    """Writes the INT8 form of the float network `source` to `path`, calibrated on `drawn`.

    `reduce_range` uses 7 of the 8 bits of a weight. Otherwise the sum of two products saturates on
    x86 without VNNI, and the same file would answer differently on another processor.
    """
    model = onnx.load(source)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        quantize_static(
            model,
            draft,
            Windows(drawn, [value.name for value in model.graph.input]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu"],
            nodes_to_exclude=_float_nodes(model.graph),
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
    """The file's contract; raises UserError where the file is no float network with a contract."""
    contract = classifier.load(source).contract
    if contract.precision != "float32":
        raise UserError(f"{source}: precision: found {contract.precision}, expected float32")
    return contract


def recipe_of(contract: Contract, source: Source) -> Recipe:
    """The part of the recipe that calibration needs, from the file's contract and its data set."""
    return Recipe(
        name=contract.name,
        labels=contract.labels,
        normal=contract.normal,
        rate_hz=contract.rate_hz,
        window=contract.window,
        data=(source,),
    )


def _float_nodes(graph: onnx.GraphProto) -> list[str]:
    """The names of the nodes that are computed in float.

    A ReLU behind a quantized convolution is quantized with it: both are rounded once, to the range
    above zero. Other ReLUs follow an addition in float.
    """
    whole = {name for node in graph.node if along_time(node) for name in node.output}
    convolutions = [n for n in graph.node if n.op_type == "Conv" and not along_time(n)]
    relus = [n for n in graph.node if n.op_type == "Relu" and n.input[0] not in whole]
    return [node.name for node in (*convolutions, *relus)]


def along_time(node: onnx.NodeProto) -> bool:
    """Whether the node is one of the convolutions that are quantized."""
    return node.op_type == "Conv" and not (_is_pointwise(node) or _is_spectrogram(node))


def _is_pointwise(node: onnx.NodeProto) -> bool:
    sizes = [tuple(a.ints) for a in node.attribute if a.name == "kernel_shape"]
    return node.op_type == "Conv" and sizes == [(1, 1)]


def _is_spectrogram(node: onnx.NodeProto) -> bool:
    return node.op_type == "Conv" and any(name.startswith(FLOAT) for name in node.input)
