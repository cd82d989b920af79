"""The DRSN paper's protocol on public data: one noise and one SNR for each model.

    python -m models.experiments.paper run --data DATA [--quick | --smoke]
    python -m models.experiments.paper table [--quick | --smoke]

`run` appends to `runs/paper.jsonl`, a line for each model, and continues where it was stopped;
`table` writes `docs/PAPER.md` from it. `--quick` trains one cell again and compares its figures
with the committed document. `--smoke` only shows that both commands run; its document is in
`runs/smoke` and its figures mean nothing. The data are the ten classes of
`models.experiments.trials.tasks.loads`: `cwru`, trained at 0 and 1 HP, tested at 2 HP, with no
recording on both sides. Two models are also trained as long as in the paper.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch

from agent.core.model_contract import RUNNING_WIDTH
from models import command
from models.command import say
from models.data import validation
from models.data.recordings import Array
from models.data.validation import Labelled
from models.evaluation import results
from models.evaluation.quick import summed
from models.experiments.paper.cells import (
    EPOCHS,
    LONG,
    TRAINING_WINDOWS,
    Cell,
    cells,
    generator,
    noisy_set,
    recipe,
    training_set,
)
from models.experiments.paper.quick import compared
from models.experiments.paper.table import document
from models.experiments.trials import extra_trees, tasks
from models.networks import cost
from models.networks.dimensions import Dimensions
from models.networks.registry import build
from models.training import sgd
from models.training.calibrate import forward

FAMILIES = ("convnet", "resnet", "senet", "drsn-cs", "drsn-cw", "wdcnn", "extra-trees")
LABELS = tasks.TEN
LEVELS_DB = (-3, 3)  # mean and spread of a curve from -5 to 5 dB, by the fewest points
SEEDS = (0, 1)
LONG_FAMILIES = ("resnet", "drsn-cw")
PER_CLASS = 100
SMOKE_EPOCHS = 1
RESULTS, DOCUMENT = Path("runs/paper.jsonl"), Path("docs/PAPER.md")
MODULE = "models.experiments.paper"

Answer = Callable[[Array], extra_trees.Indices]  # windows -> label indices
Plan = Sequence[tuple[Cell, Sequence[str]]]  # families in each cell


class PaperRun(msgspec.Struct, frozen=True):
    """One model trained once, with shares of right labels. `parameters` of trees are nodes."""

    family: str
    kind: str
    snr_db: int
    seed: int
    epochs: int
    parameters: int
    macs: int
    train_s: float
    trained: float  # on the training windows
    noisy: float  # on test recordings in the noise of training
    clean: float  # on test recordings without noise


def full() -> Plan:
    """All cells of a seed, then those of the next; the long trainings come after the first seed."""
    first, *others = [cells(LEVELS_DB, [seed]) for seed in SEEDS]
    later = [(cell, FAMILIES) for one in others for cell in one]
    long = first[0]._replace(epochs=LONG)
    return [*((cell, FAMILIES) for cell in first), (long, LONG_FAMILIES), *later]


def run(root: Path, plan: Plan, out: Path) -> None:
    """Trains and evaluates the models that are not in `out` yet, a line each.

    Raises UserError for missing or unusable recordings.
    """
    done = {
        (run.family, run.kind, run.snr_db, run.seed, run.epochs)
        for run in results.load(out, PaperRun)
    }
    training, test = tasks.loads(root)
    clean = validation.labelled(test, recipe(LABELS, plan[0][0]), PER_CLASS)
    for cell, families in plan:
        due = [family for family in families if (family, *cell) not in done]
        if due:
            windows = training_set(training, recipe(LABELS, cell), cell)
            noisy = noisy_set(clean, cell)
            for family in due:
                trained = trial(family, cell, windows, (windows, noisy, clean))
                results.append(out, trained, _line(trained))
                done.add((family, *cell))


def trial(family: str, cell: Cell, windows: Labelled, test_sets: Sequence[Labelled]) -> PaperRun:
    """Trains one model on `windows` and tests it on training, noisy and clean windows."""
    start = time.perf_counter()
    fit = _trees if family == "extra-trees" else _network
    classify, parameters, macs = fit(family, cell, windows)
    train_s = round(time.perf_counter() - start, 1)
    right = [round(float((classify(s.samples) == s.targets).mean()), 5) for s in test_sets]
    return PaperRun(family, *cell, parameters, macs, train_s, *right)


def _network(family: str, cell: Cell, windows: Labelled) -> tuple[Answer, int, int]:
    channels, window = windows.samples.shape[1:]
    seed = int(generator(cell).integers(1 << 31))
    torch.manual_seed(seed)
    size = Dimensions(channels, window, len(LABELS), tasks.RATE_HZ)
    network = build(family, "paper", size)
    sgd.train(network, windows, cell.epochs, seed)

    def classify(samples: Array) -> extra_trees.Indices:
        return np.asarray(
            forward(network, samples, np.zeros((len(samples), RUNNING_WIDTH), np.float32))[0]
            .argmax(1)
            .numpy()
        )

    return classify, cost.parameters(network), cost.macs(network, channels, window)


def _trees(family: str, cell: Cell, windows: Labelled) -> tuple[Answer, int, int]:
    trees = extra_trees.fit(extra_trees.features(windows.samples), windows.targets, cell.seed)
    return (lambda samples: extra_trees.classify(trees, samples)), extra_trees.nodes(trees), 0


def _line(run: PaperRun) -> str:
    shares = f"{run.noisy:.3f} noisy, {run.clean:.3f} clean, {run.train_s:g} s"
    name = f"{run.family} {run.kind} {run.snr_db:+d} dB, seed {run.seed}, {run.epochs} epochs"
    return f"{name}: {shares}"


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    plan = full()
    if arguments.quick:
        plan = plan[:1]
    elif arguments.smoke:
        plan = [(plan[0][0]._replace(epochs=SMOKE_EPOCHS), LONG_FAMILIES)]
    run(arguments.data, plan, results.start(arguments, RESULTS))
    return 0


def _table(arguments: argparse.Namespace) -> int:
    folder = results.smaller(arguments)
    source = (folder or RESULTS.parent) / RESULTS.name
    out = folder / DOCUMENT.name if folder else DOCUMENT
    runs = results.needed(source, PaperRun, MODULE)
    out.parent.mkdir(parents=True, exist_ok=True)
    epochs = SMOKE_EPOCHS if arguments.smoke else EPOCHS
    out.write_text(document(runs, TRAINING_WINDOWS, epochs))
    say(f"{out}: written from {source}")
    if arguments.quick:
        sys.stdout.write(summed(compared(runs, DOCUMENT.read_text())))
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.paper`."""
    parser, running, tabled = results.command_line(MODULE, __doc__)
    running.add_argument("--data", type=Path, required=True, help="folder of cwru")
    running.set_defaults(run=_run)
    tabled.set_defaults(run=_table)
    return parser


if __name__ == "__main__":
    sys.exit(command.main(parser()))
