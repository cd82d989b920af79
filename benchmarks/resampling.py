"""`python -m benchmarks.resampling [--write]`: what the agent's resampler does beside soxr HQ.

First the released networks on the validation recordings of their recipes, clean and at -5 dB,
resampled by soxr HQ (by which they were trained) and by the agent. Then the time for a second of
signal, in blocks, as a ratio to soxr's in the same interleaved run. Needs soxr, the training
dependencies and the data.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from agent.acquisition.resampling import Resampler
from agent.inference import classifier, zoo
from benchmarks import document, options
from benchmarks.interleaved import compare
from models.data import recipe as recipes
from models.data import validation
from models.data.recipe import Recipe
from models.data.recordings import Array
from models.data.validation import Labelled
from models.evaluation import metrics, model_file
from models.speech import evaluation

DATA = Path(__file__).parents[2] / "shared" / "data"
DIGITS = "digits"
NETWORKS = ("bearing", "bearing-orders", "bearing-resnet", "bearing-twin", DIGITS)
NOISY_DB, NOISY = -5.0, "gaussian_-5db"
RATES_HZ, TO_HZ, BLOCKS_MS = (51_200, 48_000, 44_100, 25_600, 26_667, 12_000), 10_000, (5, 50)
HEAD = (
    *("network", "data", "noise", "windows", "same label, %", "largest change of a probability"),
    *("macro-F1 by soxr, %", "by the agent, %"),
)


def main() -> None:
    arguments = options.parse("resampling", __doc__)
    networks = options.first(NETWORKS, arguments.quick)
    labels = document.table(HEAD, [row for name in networks for row in _network(name)])
    print(labels, flush=True)
    rates = options.first(RATES_HZ, arguments.quick)
    rounds = options.rounds(40, arguments.quick)
    times = document.table(("rate, Hz", *_headings()), [*_times(rates, rounds)])
    print(times)
    if arguments.write:
        document.put("resampled networks", labels)
        document.put("resampling", times)


def _by_soxr(samples: Array, from_hz: float, to_hz: float) -> Array:
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def _network(name: str) -> Iterator[tuple[str, ...]]:
    file = zoo.find(name)
    network, recipe = classifier.load(file), recipes.load(file.with_suffix(".yaml"))
    ours = list(_windows(name, recipe))
    with mock.patch("models.data.recordings.resample", _by_soxr):
        theirs = list(_windows(name, recipe))
    for (data, condition, one), (*_, other) in zip(ours, theirs, strict=True):
        new, old = (_probabilities(network, each) for each in (one, other))
        same = np.mean(new.argmax(1) == old.argmax(1))
        scores = [metrics.macro_f1_of(one.targets, each.argmax(1)) for each in (old, new)]
        changes = f"{100 * same:.2f}", f"{np.abs(new - old).max():.4f}"
        cells = str(len(new)), *changes, *(f"{100 * score:.2f}" for score in scores)
        yield name, data, condition, *cells


def _windows(name: str, recipe: Recipe) -> Iterator[tuple[str, str, Labelled]]:
    """Data set, noise and windows, clean and at -5 dB; of the digits in recorded backgrounds."""
    if name == DIGITS:
        spoken = evaluation.evaluation_windows(recipe, DATA)
        for condition in ("clean", f"{NOISY_DB:g} dB"):
            yield "words", condition, spoken[condition]
        return
    for data, clean in validation.per_set(recipe, DATA):
        yield data, "clean", clean
        noisy = model_file.conditions(clean.samples, model_file.LEVELS_DB)  # as in the cards
        yield data, f"Gaussian {NOISY_DB:g} dB", replace(clean, samples=noisy[NOISY])


def _probabilities(network: classifier.OnnxClassifier, windows: Labelled) -> np.ndarray:
    predictions = network.classify(windows.samples, windows.running)
    return np.array([prediction.probabilities for prediction in predictions])


def _headings() -> list[str]:
    return [f"blocks of {ms} ms: us a second, to soxr" for ms in BLOCKS_MS]


def _times(rates_hz: Sequence[int], rounds: int) -> Iterator[tuple[str, ...]]:
    import soxr

    for rate_hz in rates_hz:
        cells = []
        for block_ms in BLOCKS_MS:
            frames = round(rate_hz * block_ms / 1000)
            block = np.random.default_rng(0).standard_normal((frames, 1)).astype(np.float32)
            unmarked, ours = np.zeros(frames, np.uint8), Resampler(rate_hz, TO_HZ, 1)
            theirs = soxr.ResampleStream(rate_hz, TO_HZ, 1, dtype="float32", quality="HQ")
            blocks = 1000 // block_ms
            result = compare(
                f"{rate_hz} Hz",
                _times_over(blocks, partial(ours.push, block, unmarked)),
                _times_over(blocks, partial(theirs.resample_chunk, block)),
                rounds,
            )
            cells.append(f"{result.ours_us:.0f}, {result.ratio:.1f}")
        yield f"{rate_hz:,}", *cells


def _times_over(blocks: int, push: Callable[[], object]) -> Callable[[], object]:
    return lambda: [push() for _ in range(blocks)]


if __name__ == "__main__":
    main()
