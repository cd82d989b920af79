"""Trials: every family by one recipe, on the tasks of `models.tasks`, seed by seed.

    python -m models.trials run --data DATA --seeds 0 1 2
    python -m models.trials table

A network is judged as the agent runs it: exported, through ONNX Runtime; the reference as INT8 too.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import torch

from agent import classify
from agent.classify import OnnxClassifier
from models import backgrounds, cost, noises, scores, validation
from models.data import Array, Recording
from models.export import contract_of, export
from models.fit import calibrated
from models.noises import Draw
from models.quantize import quantize
from models.recipe import Noise, Recipe, Source
from models.tasks import RATE_HZ, TASKS, Task
from models.train import train
from models.trials_table import REFERENCE, table
from models.validation import HELD_BACK_SEED, Labelled

FAMILIES = ("drsn-order", "se-order", "res-order", "drsn-env", "drsn-cw", "resnet")
LEVELS_DB = range(-5, 6)
UNKNOWN_DB = (0, -5)
PER_CLASS = 100
WINDOW, STEPS = 4096, 400


class Run(msgspec.Struct, frozen=True):
    """One network trained once. Figures by condition: macro recall; of unknown faults, AUROC."""

    task: str
    family: str
    seed: int
    parameters: int
    macs: int
    train_s: float
    figures: dict[str, float]
    int8: dict[str, float] = {}


def recipe(task: Task, family: str, seed: int) -> Recipe:
    """The same for every family, but the family."""
    return Recipe(
        name=task.name,
        labels=task.labels,
        normal=("normal",),
        rate_hz=RATE_HZ,
        window=WINDOW,
        family=family,
        preset="small",
        steps=STEPS,
        seed=seed,
        noise=Noise(kinds=tuple(noises.TRAINING), snr_db=(-10.0, 10.0), clean=0.1),
        data=(Source("several"),),
    )


def conditions(
    clean: Array, recorded: Mapping[str, Draw], unknown: bool
) -> Iterator[tuple[str, Array]]:
    """The windows under every noise that a trial is judged in: name -> windows."""
    rng = np.random.default_rng(HELD_BACK_SEED)
    yield "clean", clean
    if unknown:
        for kind, draw in noises.PLAIN.items():
            for level in UNKNOWN_DB:
                yield f"{kind}_{level}db", noises.add(clean, level, draw, rng)
        return
    for kind, draw in noises.PLAIN.items():
        for level in (-10, *LEVELS_DB):
            yield f"{kind}_{level}db", noises.add(clean, level, draw, rng)
    for kind, draw in {**noises.UNSEEN, **recorded}.items():
        yield f"{kind}_-5db", noises.add(clean, -5, draw, rng)


def judge(network: OnnxClassifier, task: Task, under: Mapping[str, Labelled]) -> dict[str, float]:
    """Macro recall in every condition; where there are unknown faults, how well they stand out."""
    of = _standing_out if task.unknown else _recall
    found = {name: round(of(network, task, windows), 5) for name, windows in under.items()}
    if not task.unknown:
        counts = _counts(network, task, under["clean"])
        found["clean_f1"] = round(float(scores.macro_f1(counts)), 5)
    return found


def _standing_out(network: OnnxClassifier, task: Task, windows: Labelled) -> float:
    said = network.classify(windows.samples, windows.running)
    unknown = np.isin(np.array(task.judged)[windows.targets], task.unknown)
    return scores.auroc(np.array([p.distance for p in said], np.float64), unknown)


def _recall(network: OnnxClassifier, task: Task, windows: Labelled) -> float:
    return float(scores.macro_recall(_counts(network, task, windows)))


def _counts(network: OnnxClassifier, task: Task, windows: Labelled) -> scores.Indices:
    said = network.classify(windows.samples, windows.running)
    found = np.array([np.argmax(prediction.probabilities) for prediction in said])
    return scores.confusion(windows.targets, found, len(task.labels))


def run(task: Task, root: Path, families: Sequence[str], seeds: Sequence[int], out: Path) -> None:
    """Trains and judges what is not in `out` yet, a line each."""
    known = {(done.task, done.family, done.seed) for done in load(out)}
    wanted = [(s, f) for s in seeds for f in families if (task.name, f, s) not in known]
    if not wanted:
        return
    training, judging = task.sides(root)
    made = msgspec.structs.replace(recipe(task, REFERENCE, 0), labels=task.judged)
    clean = validation.labelled(judging, made, PER_CLASS)
    recorded = backgrounds.load(root / "noise", RATE_HZ, WINDOW)
    every = conditions(clean.samples, recorded, bool(task.unknown))
    under = {name: replace(clean, samples=samples) for name, samples in every}
    for seed, family in wanted:
        _append(out, _trial(task, recipe(task, family, seed), training, under))


def load(path: Path) -> list[Run]:
    """All runs in a file of results."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Run) for line in lines]


def _trial(
    task: Task, made: Recipe, training: list[Recording], under: Mapping[str, Labelled]
) -> Run:
    start = time.perf_counter()
    network = train(made, training, lambda step, loss: None)
    train_s = round(time.perf_counter() - start, 1)
    found = [judge(file, task, under) for file in _files(made, network, training)]
    sizes = (cost.parameters(network), cost.macs(network, 1, made.window))
    return Run(task.name, made.family, made.seed, *sizes, train_s, *found)


def _files(
    made: Recipe, network: torch.nn.Module, training: list[Recording]
) -> Iterator[OnnxClassifier]:
    """The network as the agent loads it: float, and the reference as INT8. Nothing is fitted to
    what is judged: temperature and reach are those of training windows, and are not judged here."""
    windows = validation.calibration(made, training)
    seen = Labelled(windows.samples, windows.targets, windows.running)
    saved = calibrated(made, network, training, seen)
    contract = contract_of(saved)
    with tempfile.TemporaryDirectory() as folder:
        float32, int8 = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        export(saved, float32, contract)
        yield classify.load(float32)
        if made.family == REFERENCE:
            precise = msgspec.structs.replace(contract, precision="int8")
            quantize(float32, int8, windows, precise)
            yield classify.load(int8)


def _append(path: Path, done: Run) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(done)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and judge; goes on where it was stopped")
    running.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    running.add_argument("--out", type=Path, default=Path("runs/trials.jsonl"))
    running.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    running.add_argument("--families", nargs="+", default=FAMILIES)
    running.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    tabled = verbs.add_parser("table", help="print the results as Markdown")
    tabled.add_argument("--results", type=Path, default=Path("runs/trials.jsonl"))
    chosen = parser.parse_args()
    if chosen.verb == "table":
        sys.stdout.write(table(load(chosen.results)) + "\n")
        return
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # what the exporter tells its own developers
    for seed in chosen.seeds:
        for task in chosen.tasks:
            run(TASKS[task], chosen.data, chosen.families, [seed], chosen.out)


if __name__ == "__main__":
    main()
