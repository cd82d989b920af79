"""Post-training INT8: static QDQ of the convolutions, calibrated on windows of mixed noise.

Activations are unsigned and weights signed per channel: ONNX Runtime's fast path on x86.
Only the convolutions along time are quantized. The 1x1 ones work on pooled values: they are
the thresholds' sub-network and the classifier, cost next to nothing and stay in float.
"""

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from agent.contract import INPUT, Contract
from models.data import Array
from models.export import write


class Windows(CalibrationDataReader):  # type: ignore[misc]
    """Calibration windows [n, channels, window], a batch at a time."""

    def __init__(self, samples: Array, batch: int = 16) -> None:
        self._batches: Iterator[Array] = iter(
            samples[start : start + batch] for start in range(0, len(samples), batch)
        )

    def get_next(self) -> dict[str, Array] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def quantize(
    source: Path, path: Path, samples: Array, contract: Contract, reduce_range: bool
) -> None:
    """Writes the INT8 form of the float network `source` to `path`.

    `reduce_range` gives weights 7 bits: without it, AVX2 processors that lack VNNI saturate.
    """
    model = onnx.load(source)
    pooled = [node.name for node in model.graph.node if _is_pointwise(node)]
    draft = path.with_suffix(".draft")
    quantize_static(
        model,
        draft,
        Windows(samples),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=pooled,
        per_channel=True,
        reduce_range=reduce_range,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    write(onnx.load(draft), path, contract)
    draft.unlink()


def _is_pointwise(node: onnx.NodeProto) -> bool:
    sizes = [tuple(a.ints) for a in node.attribute if a.name == "kernel_shape"]
    return node.op_type == "Conv" and sizes == [(1, 1)]
