"""One trial: a family trained by the recipe that all share, and evaluated in every noise.

A network is evaluated as the agent runs it, exported and through ONNX Runtime. Families that are
released are evaluated in INT8 as well, the trees in Python.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import torch

from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import backgrounds, noise, validation
from models.data.noise import Draw
from models.data.recipe import Noise, Recipe, Source
from models.data.recordings import Array, Recording
from models.data.validation import HELD_OUT_SEED, Labelled
from models.evaluation import metrics
from models.experiments.trials import extra_trees
from models.experiments.trials.plan import STEPS, TREES
from models.experiments.trials.table import REFERENCE, USUAL
from models.experiments.trials.tasks import RATE_HZ, Task
from models.export.onnx_export import contract_of, export
from models.export.quantize import quantize
from models.networks import cost
from models.training.train import train
from models.training.train_and_calibrate import calibrated

LEVELS_DB = range(-5, 6)
UNKNOWN_DB = (0, -5)
CALIBRATED = ("clean", "gaussian_0db", "gaussian_-5db")
WINDOW = USUAL
QUANTIZED = (REFERENCE, "drsn-order")  # families with released networks

Indices = metrics.Indices


class TrialRun(msgspec.Struct, frozen=True):
    """One network trained once. Figures by condition: macro recall; of unknown faults, AUROC."""

    task: str
    family: str
    seed: int
    parameters: int
    macs: int
    train_s: float
    figures: dict[str, float]
    int8: dict[str, float] = {}
    calibration: dict[str, float] = {}  # expected calibration error, of INT8 where there is one
    window: int = WINDOW


def shared_recipe(task: Task, family: str, seed: int, window: int = WINDOW) -> Recipe:
    """The recipe that all families share, except for the family and the length of a window."""
    return Recipe(
        name=task.name,
        labels=task.labels,
        normal=("normal",),
        rate_hz=RATE_HZ,
        window=window,
        family=family,
        preset="small",
        steps=STEPS,
        seed=seed,
        noise=Noise(kinds=tuple(noise.TRAINING), snr_db=(-10.0, 10.0), clean=0.1),
        data=(Source("several"),),
    )


def noisy_windows(
    clean: Array, recorded: Mapping[str, Draw], unknown: bool
) -> Iterator[tuple[str, Array]]:
    """The windows under every noise of a trial: (name, windows)."""
    rng = np.random.default_rng(HELD_OUT_SEED)
    yield "clean", clean
    if unknown:
        for kind, draw in noise.PLAIN.items():
            for level in UNKNOWN_DB:
                yield f"{kind}_{level}db", noise.add(clean, level, draw, rng)
        return
    for kind, draw in noise.PLAIN.items():
        for level in (-10, *LEVELS_DB):
            yield f"{kind}_{level}db", noise.add(clean, level, draw, rng)
    for kind, draw in {**noise.UNSEEN, **recorded}.items():
        yield f"{kind}_-5db", noise.add(clean, -5, draw, rng)


def both_sides(
    task: Task, root: Path, window: int, per_class: int
) -> tuple[list[Recording], dict[str, Labelled]]:
    """The training recordings, and the test windows in every condition, alike for all families."""
    training, test = task.sides(root)
    recipe = msgspec.structs.replace(
        shared_recipe(task, REFERENCE, 0, window), labels=task.test_labels
    )
    clean = validation.labelled(test, recipe, per_class)
    recorded = backgrounds.load(root / "noise", RATE_HZ, window)
    noisy = noisy_windows(clean.samples, recorded, bool(task.unknown))
    return training, {name: replace(clean, samples=samples) for name, samples in noisy}


def trial(
    task: Task, recipe: Recipe, training: list[Recording], conditions: Mapping[str, Labelled]
) -> TrialRun:
    """Trains one model and evaluates it in every condition."""
    run = _trees if recipe.family == TREES else _network
    return run(task, recipe, training, conditions)


def _trees(
    task: Task, recipe: Recipe, training: list[Recording], conditions: Mapping[str, Labelled]
) -> TrialRun:
    start = time.perf_counter()
    trees = extra_trees.train(recipe, training)
    return TrialRun(
        task=task.name,
        family=TREES,
        seed=recipe.seed,
        parameters=extra_trees.nodes(trees),
        macs=0,
        train_s=round(time.perf_counter() - start, 1),
        figures=_recalls(lambda w: extra_trees.classify(trees, w.samples), task, conditions),
        window=recipe.window,
    )


def _network(
    task: Task, recipe: Recipe, training: list[Recording], conditions: Mapping[str, Labelled]
) -> TrialRun:
    start = time.perf_counter()
    network = train(recipe, training, lambda step, loss: None)
    train_s = round(time.perf_counter() - start, 1)
    files = list(_files(recipe, network, training))
    figures = [evaluate(file, task, conditions) for file in files]
    return TrialRun(
        task=task.name,
        family=recipe.family,
        seed=recipe.seed,
        parameters=cost.parameters(network),
        macs=cost.macs(network, 1, recipe.window),
        train_s=train_s,
        figures=figures[0],
        int8=figures[1] if len(figures) > 1 else {},
        calibration={} if task.unknown else calibration(files[-1], conditions),
        window=recipe.window,
    )


def _files(
    recipe: Recipe, network: torch.nn.Module, training: list[Recording]
) -> Iterator[OnnxClassifier]:
    """The network as the agent loads it: float, and INT8 for the released families.

    Temperature and distance are fitted to training windows, never to test windows.
    """
    windows = validation.calibration(recipe, training)
    training_windows = Labelled(windows.samples, windows.targets, windows.running)
    checkpoint = calibrated(recipe, network, training, training_windows)
    contract = contract_of(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        float32, int8 = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        export(checkpoint, float32, contract)
        yield classifier.load(float32)
        if recipe.family in QUANTIZED:
            int8_contract = msgspec.structs.replace(contract, precision="int8")
            quantize(float32, int8, windows, int8_contract)
            yield classifier.load(int8)


def evaluate(
    network: OnnxClassifier, task: Task, conditions: Mapping[str, Labelled]
) -> dict[str, float]:
    """Macro recall in every condition; for a task with unknown faults, their AUROC."""
    if task.unknown:
        return {
            name: _unknown_auroc(network, task, windows) for name, windows in conditions.items()
        }
    return _recalls(lambda windows: _labels(network, windows), task, conditions)


def _unknown_auroc(network: OnnxClassifier, task: Task, windows: Labelled) -> float:
    predictions = network.classify(windows.samples, windows.running)
    unknown = np.isin(np.array(task.test_labels)[windows.targets], task.unknown)
    return round(metrics.auroc(np.array([p.distance for p in predictions], np.float64), unknown), 5)


def calibration(network: OnnxClassifier, conditions: Mapping[str, Labelled]) -> dict[str, float]:
    """Expected calibration error in some conditions."""
    figures = {}
    for name in CALIBRATED:
        predictions = network.classify(conditions[name].samples, conditions[name].running)
        probabilities = np.array([prediction.probabilities for prediction in predictions])
        error = metrics.calibration_error(probabilities, conditions[name].targets)
        figures[name] = round(float(error), 5)
    return figures


def _labels(network: OnnxClassifier, windows: Labelled) -> Indices:
    predictions = network.classify(windows.samples, windows.running)
    return np.array([np.argmax(prediction.probabilities) for prediction in predictions])


def _recalls(
    answer: Callable[[Labelled], Indices], task: Task, conditions: Mapping[str, Labelled]
) -> dict[str, float]:
    """Macro recall by condition, and the macro-F1 of clean windows."""
    counts = {
        name: metrics.confusion(windows.targets, answer(windows), len(task.labels))
        for name, windows in conditions.items()
    }
    figures = {name: round(float(metrics.macro_recall(count)), 5) for name, count in counts.items()}
    return figures | {"clean_f1": round(float(metrics.macro_f1(counts["clean"])), 5)}
