"""`python -m benchmarks.growth [--write]`: what a window costs as batches and windows grow.

Batches: the released networks. Window length: their families, untrained and quantized on noise;
ratios of interleaved runs. Channels and rates: `benchmarks.whole`.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from agent.inference import classifier, variant_trial, zoo
from agent.inference.classifier import OnnxClassifier
from benchmarks import document
from benchmarks.engines import ZOO
from benchmarks.interleaved import compare

BATCHES, WINDOWS = (1, 4, 16), (2048, 4096, 8192)
FAMILIES = (
    "bearing",
    "bearing-resnet",
    "bearing-orders",
    "bearing-twin",
)  # digits is of one length
ROUNDS = 60


def main() -> None:
    write = document.wanted("growth", __doc__)
    told = [f"batch {batch}, time a window to batch 1" for batch in BATCHES[1:]]
    batches = document.table(("network", "batch 1, us", *told), list(_by_batch()))
    print(batches, flush=True)
    told = [f"{window} frames, to {WINDOWS[0]}" for window in WINDOWS[1:]]
    lengths = document.table(("network", f"{WINDOWS[0]} frames, us", *told), list(_by_length()))
    print(lengths, flush=True)
    if write:
        document.put("growth", f"{batches}\n\n{lengths}")


def _by_batch() -> Iterator[tuple[str, ...]]:
    for name, file in zoo.released().items():
        network = classifier.load(file)
        drawn = variant_trial.windows(network.contract)
        runs = {n: partial(network.classify, *(each[:n] for each in drawn)) for n in BATCHES}
        cells = []
        for batch in BATCHES[1:]:
            found = compare(name, runs[batch], runs[1], ROUNDS)
            low, ratio, high = (each / batch for each in (found.low, found.ratio, found.high))
            cells.append(f"{ratio:.2f} [{low:.2f}, {high:.2f}]")
        yield name, f"{found.baseline_us:.0f}", *cells


def _by_length() -> Iterator[tuple[str, ...]]:
    for name in FAMILIES:
        networks = {window: _untrained(name, window) for window in WINDOWS}
        first, cells = networks[WINDOWS[0]], []
        for window in WINDOWS[1:]:
            runs = [partial(network.classify, one) for network, one in (networks[window], first)]
            found = compare(name, *runs, ROUNDS)
            cells.append(f"{found.ratio:.2f} [{found.low:.2f}, {found.high:.2f}]")
        yield name, f"{found.baseline_us:.0f}", *cells


def _untrained(name: str, window: int) -> tuple[OnnxClassifier, np.ndarray]:
    """The network for windows of that length as an INT8 file, and one window."""
    from models.data import recipe as recipes
    from models.data.batches import Batch
    from models.export.onnx_export import contract_of, export
    from models.export.quantize import quantize
    from models.training.checkpoint import Checkpoint, untrained

    made = msgspec.structs.replace(recipes.load(ZOO / f"{name}.yaml"), window=window)
    saved = Checkpoint(made, untrained(made).eval(), 1.0, None)
    noise = np.random.default_rng(0).standard_normal((16, 1, window)).astype(np.float32)
    nothing = np.zeros((16, 5), np.float32)
    drawn = Batch(noise, np.zeros(16, np.int64), np.zeros(16, np.float32), nothing)
    contract = msgspec.structs.replace(contract_of(saved), precision="int8")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        export(saved, files[0], contract_of(saved))
        quantize(*files, drawn, contract)
        return classifier.load(files[1]), noise[:1]


if __name__ == "__main__":
    main()
