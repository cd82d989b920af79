"""Trials: every family by one recipe, on unseen loads and on unseen severities, seed by seed.

    python -m models.trials run --data DATA --out runs/trials.jsonl --seeds 0 1 2
    python -m models.trials table --results runs/trials.jsonl

Tasks on `cwru`, split by recording. `ten`: ten classes (three faults at three severities, and
normal), trained at 0 and 1 HP, judged at 2 HP; `ten-speeds` with training recordings also
played 1 and 2 % faster and slower. `leave-14mil` and its like: four classes, trained on the
two other severities, judged on the one left out, at all loads. The one normal recording is cut
by time. 28 mil is left away: it is a bearing of another make. Everything is brought to 10 kHz:
above 5 kHz the anti-alias filters give the class away.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import torch

from models import backgrounds, cost, data, noises, scores, validation
from models.batches import at_speeds
from models.calibrate import forward
from models.data import Array, Recording
from models.noises import Draw
from models.recipe import Noise, Recipe, Source
from models.train import train
from models.trials_table import table
from models.validation import HELD_BACK_SEED, Labelled

FAMILIES = ("drsn-env", "se-env", "res-env", "drsn-cw", "senet", "resnet")
SEVERITIES = ("7mil", "14mil", "21mil")
TYPES = ("normal", "inner", "outer", "ball")
LEVELS_DB = range(-5, 6)
PER_CLASS = 200
TEN = tuple(f"{t}-{s}" for t in TYPES[1:] for s in SEVERITIES)
LEAVES = tuple(f"leave-{severity}" for severity in SEVERITIES)
STEPS = {"ten": 600, "ten-speeds": 600} | dict.fromkeys(LEAVES, 400)
SPEEDS = (0.98, 0.99, 1.0, 1.01, 1.02)


class Run(msgspec.Struct, frozen=True):
    """One network trained once. `figures`: macro recall by condition."""

    task: str
    family: str
    seed: int
    parameters: int
    macs: int
    train_s: float
    figures: dict[str, float]


def recipe(task: str, family: str, seed: int) -> Recipe:
    """The same for every family, but the family."""
    return Recipe(
        name=task,
        labels=TYPES if task in LEAVES else ("normal", *TEN),
        normal=("normal",),
        rate_hz=10_000,
        window=2048,
        family=family,
        preset="small",
        steps=STEPS[task],
        seed=seed,
        noise=Noise(kinds=tuple(noises.TRAINING), snr_db=(-10.0, 10.0), clean=0.1),
        data=(Source("cwru"),),
    )


def sides(task: str, root: Path) -> tuple[list[Recording], list[Recording]]:
    """Training and judging recordings of a task; no recording is in both."""
    made = recipe(task, "resnet", 0)

    def load(split: str) -> list[Recording]:
        return data.load(root, made.data[0], [split], TYPES, made.rate_hz)

    training, judging = load("train"), load("val")
    if task not in LEAVES:
        speeds = SPEEDS if task == "ten-speeds" else (1.0,)
        return at_speeds(_named(training), speeds), _named(judging)
    every = [r for r in training + judging if r.severity in SEVERITIES]
    judged = [r for r in every if r.severity == task.removeprefix("leave-")]
    rest = [r for r in every if r.severity != judged[0].severity]
    return rest + _normal(training), judged + _normal(judging)


def conditions(clean: Array, recorded: Mapping[str, Draw]) -> Iterator[tuple[str, Array]]:
    """The windows under every noise that a trial is judged in: name -> windows."""
    rng = np.random.default_rng(HELD_BACK_SEED)
    yield "clean", clean
    for kind, draw in noises.PLAIN.items():
        for level in (-10, *LEVELS_DB):
            yield f"{kind}_{level}db", noises.add(clean, level, draw, rng)
    for kind, draw in {**noises.UNSEEN, **recorded}.items():
        yield f"{kind}_-5db", noises.add(clean, -5, draw, rng)


def judge(network: torch.nn.Module, judged: Mapping[str, Labelled]) -> dict[str, float]:
    """Macro recall in every condition."""
    found = {}
    for name, windows in judged.items():
        logits, _ = forward(network, windows.samples, windows.running)
        counts = scores.confusion(windows.targets, logits.argmax(1).numpy(), logits.shape[1])
        found[name] = round(float(scores.macro_recall(counts)), 5)
    return found


def run(task: str, root: Path, families: Sequence[str], seeds: Sequence[int], out: Path) -> None:
    """Trains and judges what is not in `out` yet, a line each."""
    known = {(done.task, done.family, done.seed) for done in load(out)}
    training, judging = sides(task, root)
    made = recipe(task, "resnet", 0)
    clean = validation.labelled(judging, made, PER_CLASS)
    recorded = backgrounds.load(root / "noise", made.rate_hz, made.window)
    under = {n: replace(clean, samples=s) for n, s in conditions(clean.samples, recorded)}
    for seed in seeds:
        for family in families:
            if (task, family, seed) not in known:
                _append(out, _trial(recipe(task, family, seed), training, under))


def load(path: Path) -> list[Run]:
    """All runs in a file of results."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Run) for line in lines]


def _trial(made: Recipe, training: list[Recording], under: dict[str, Labelled]) -> Run:
    start = time.perf_counter()
    network = train(made, training, lambda step, loss: None)
    train_s = round(time.perf_counter() - start, 1)
    parameters, macs = cost.parameters(network), cost.macs(network, 1, made.window)
    return Run(made.name, made.family, made.seed, parameters, macs, train_s, judge(network, under))


def _append(path: Path, done: Run) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(done)) + "\n")


def _named(recordings: Sequence[Recording]) -> list[Recording]:
    """Each of the three severities a class of its own."""
    chosen = [r for r in recordings if r.severity in SEVERITIES]
    return [replace(r, label=f"{r.label}-{r.severity}") for r in chosen] + _normal(recordings)


def _normal(recordings: Sequence[Recording]) -> list[Recording]:
    return [r for r in recordings if r.label == "normal"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and judge; goes on where it was stopped")
    running.add_argument("--data", type=Path, required=True, help="where cwru and noise lie")
    running.add_argument("--out", type=Path, default=Path("runs/trials.jsonl"))
    running.add_argument("--tasks", nargs="+", choices=STEPS, default=list(STEPS))
    running.add_argument("--families", nargs="+", default=FAMILIES)
    running.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    tabled = verbs.add_parser("table", help="print the results as Markdown")
    tabled.add_argument("--results", type=Path, default=Path("runs/trials.jsonl"))
    chosen = parser.parse_args()
    if chosen.verb == "table":
        sys.stdout.write(table(load(chosen.results)) + "\n")
        return
    torch.set_num_threads(1)
    for seed in chosen.seeds:
        for task in chosen.tasks:
            run(task, chosen.data, chosen.families, [seed], chosen.out)


if __name__ == "__main__":
    main()
