"""`python -m benchmarks.growth [--write]`: what a window costs as batches and windows grow.

Batches: the released networks. Window length: their families, untrained and quantized on noise;
ratios of interleaved runs. Channels and rates: `benchmarks.whole`.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from agent.inference import classifier, variant_trial, zoo
from agent.inference.classifier import OnnxClassifier
from benchmarks import document, options
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
    arguments = options.parse("growth", __doc__)
    columns = [f"batch {batch}, time a window to batch 1" for batch in BATCHES[1:]]
    batches = document.table(("network", "batch 1, us", *columns), list(_by_batch(arguments.quick)))
    print(batches, flush=True)
    windows = options.first(WINDOWS, arguments.quick, few=2)
    columns = [f"{window} frames, to {WINDOWS[0]}" for window in windows[1:]]
    lengths = document.table(
        ("network", f"{WINDOWS[0]} frames, us", *columns),
        list(_by_length(windows, arguments.quick)),
    )
    print(lengths, flush=True)
    if arguments.write:
        document.put("growth", f"{batches}\n\n{lengths}")


def _by_batch(quick: bool) -> Iterator[tuple[str, ...]]:
    rounds = options.rounds(ROUNDS, quick)
    for name, file in options.first(list(zoo.released().items()), quick):
        network = classifier.load(file)
        drawn = variant_trial.windows(network.contract)
        runs = {n: partial(network.classify, *(part[:n] for part in drawn)) for n in BATCHES}
        ratios = {n: compare(name, runs[n], runs[1], rounds) for n in BATCHES[1:]}
        cells = [ratio.cell(per=batch) for batch, ratio in ratios.items()]
        yield name, f"{ratios[BATCHES[-1]].baseline_us:.0f}", *cells


def _by_length(windows: Sequence[int], quick: bool) -> Iterator[tuple[str, ...]]:
    rounds = options.rounds(ROUNDS, quick)
    for name in options.first(FAMILIES, quick):
        baseline, *longer = (_one_window(*_untrained(name, window)) for window in windows)
        ratios = [compare(name, run, baseline, rounds) for run in longer]
        yield name, f"{ratios[-1].baseline_us:.0f}", *(ratio.cell() for ratio in ratios)


def _one_window(network: OnnxClassifier, samples: np.ndarray) -> Callable[[], object]:
    return partial(network.classify, samples)


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
