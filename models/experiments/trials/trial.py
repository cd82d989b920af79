"""One trial: a family trained by the recipe that all share, and judged in every noise.

A network is judged as the agent runs it: exported, through ONNX Runtime; families that are
released as INT8 too. The trees are judged as they are.
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
from models.data.validation import HELD_BACK_SEED, Labelled
from models.evaluation import metrics
from models.experiments.trials import extra_trees
from models.experiments.trials.table import REFERENCE, USUAL
from models.experiments.trials.tasks import RATE_HZ, Task
from models.export.onnx_export import contract_of, export
from models.export.quantize import quantize
from models.networks import cost
from models.training.train import train
from models.training.train_and_calibrate import calibrated

TREES = "extra-trees"
LEVELS_DB = range(-5, 6)
UNKNOWN_DB = (0, -5)
CALIBRATED = ("clean", "gaussian_0db", "gaussian_-5db")
PER_CLASS = 100
WINDOW, STEPS = USUAL, 400
QUANTIZED = (REFERENCE, "drsn-order")  # those of which networks are released

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
    calibration: dict[str, float] = {}  # expected calibration error; of INT8 where there is one
    window: int = WINDOW


def recipe(task: Task, family: str, seed: int, window: int = WINDOW) -> Recipe:
    """The same for every family, but the family and how much of the signal it is shown."""
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


def conditions(
    clean: Array, recorded: Mapping[str, Draw], unknown: bool
) -> Iterator[tuple[str, Array]]:
    """The windows under every noise that a trial is judged in: name -> windows."""
    rng = np.random.default_rng(HELD_BACK_SEED)
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
    task: Task, root: Path, window: int = WINDOW
) -> tuple[list[Recording], dict[str, Labelled]]:
    """What is trained on, and the windows to be judged in every condition: alike for all."""
    training, judging = task.sides(root)
    made = msgspec.structs.replace(recipe(task, REFERENCE, 0, window), labels=task.judged)
    clean = validation.labelled(judging, made, PER_CLASS)
    recorded = backgrounds.load(root / "noise", RATE_HZ, window)
    every = conditions(clean.samples, recorded, bool(task.unknown))
    return training, {name: replace(clean, samples=samples) for name, samples in every}


def trial(
    task: Task, made: Recipe, training: list[Recording], under: Mapping[str, Labelled]
) -> TrialRun:
    """One model trained, then judged under every condition."""
    start = time.perf_counter()
    if made.family == TREES:
        grown = extra_trees.train(made, training)
        train_s = round(time.perf_counter() - start, 1)
        figures = _recalls(
            lambda windows: extra_trees.classify(grown, windows.samples), task, under
        )
        size = extra_trees.nodes(grown)
        return TrialRun(task.name, TREES, made.seed, size, 0, train_s, figures, window=made.window)
    network = train(made, training, lambda step, loss: None)
    train_s = round(time.perf_counter() - start, 1)
    sizes = (cost.parameters(network), cost.macs(network, 1, made.window))
    files = list(_files(made, network, training))
    judged = [judge(file, task, under) for file in files]
    int8 = judged[1] if len(judged) > 1 else {}
    off = {} if task.unknown else calibration(files[-1], under)
    return TrialRun(
        task.name, made.family, made.seed, *sizes, train_s, judged[0], int8, off, made.window
    )


def _files(
    made: Recipe, network: torch.nn.Module, training: list[Recording]
) -> Iterator[OnnxClassifier]:
    """The network as the agent loads it: float, and what is released as INT8. Nothing is fitted to
    what is judged: temperature and reach are those of training windows."""
    windows = validation.calibration(made, training)
    seen = Labelled(windows.samples, windows.targets, windows.running)
    saved = calibrated(made, network, training, seen)
    contract = contract_of(saved)
    with tempfile.TemporaryDirectory() as folder:
        float32, int8 = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        export(saved, float32, contract)
        yield classifier.load(float32)
        if made.family in QUANTIZED:
            precise = msgspec.structs.replace(contract, precision="int8")
            quantize(float32, int8, windows, precise)
            yield classifier.load(int8)


def judge(network: OnnxClassifier, task: Task, under: Mapping[str, Labelled]) -> dict[str, float]:
    """Macro recall in every condition; where there are unknown faults, how well they stand out."""
    if task.unknown:
        return {name: _standing_out(network, task, windows) for name, windows in under.items()}
    return _recalls(lambda windows: _labels(network, windows), task, under)


def _standing_out(network: OnnxClassifier, task: Task, windows: Labelled) -> float:
    said = network.classify(windows.samples, windows.running)
    unknown = np.isin(np.array(task.judged)[windows.targets], task.unknown)
    return round(metrics.auroc(np.array([p.distance for p in said], np.float64), unknown), 5)


def calibration(network: OnnxClassifier, under: Mapping[str, Labelled]) -> dict[str, float]:
    """Expected calibration error in some conditions."""
    found = {}
    for name in CALIBRATED:
        said = network.classify(under[name].samples, under[name].running)
        probabilities = np.array([prediction.probabilities for prediction in said])
        error = metrics.calibration_error(probabilities, under[name].targets)
        found[name] = round(float(error), 5)
    return found


def _labels(network: OnnxClassifier, windows: Labelled) -> Indices:
    said = network.classify(windows.samples, windows.running)
    return np.array([np.argmax(prediction.probabilities) for prediction in said])


def _recalls(
    answer: Callable[[Labelled], Indices], task: Task, under: Mapping[str, Labelled]
) -> dict[str, float]:
    """By condition, and the macro-F1 of clean windows."""
    counts = {
        name: metrics.confusion(windows.targets, answer(windows), len(task.labels))
        for name, windows in under.items()
    }
    found = {name: round(float(metrics.macro_recall(each)), 5) for name, each in counts.items()}
    return found | {"clean_f1": round(float(metrics.macro_f1(counts["clean"])), 5)}
