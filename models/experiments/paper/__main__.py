"""The DRSN paper's protocol on public data: one noise and one SNR a model, known in advance.

    python -m models.experiments.paper run --data DATA [--quick]
    python -m models.experiments.paper table [--quick]

`run` appends to `runs/paper.jsonl`, a line a model, and goes on where it was stopped; `table`
writes `docs/PAPER.md` from it. With `--quick` one cell is trained anew, and its figures are held
against those of the committed document. Data are the ten classes of
`models.experiments.trials.tasks.loads`: `cwru`,
trained at 0 and 1 HP, judged at 2 HP, no recording on both sides. Two models are also trained
as long as in the paper.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch

from agent.core.errors import UserError
from agent.core.model_contract import RUNNING_WIDTH
from models.data import validation
from models.data.recordings import Array
from models.data.validation import Labelled
from models.evaluation.quick import summed
from models.experiments.paper.cells import (
    EPOCHS,
    LONG,
    TRAINING_WINDOWS,
    Cell,
    cells,
    generator,
    judged_set,
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
RESULTS, DOCUMENT, QUICK = Path("runs/paper.jsonl"), Path("docs/PAPER.md"), Path("runs/quick")

Answer = Callable[[Array], extra_trees.Indices]  # windows -> label indices
Plan = Sequence[tuple[Cell, Sequence[str]]]  # families in each cell


class PaperRun(msgspec.Struct, frozen=True):
    """One model trained once; shares of right answers. Trees have nodes for parameters."""

    family: str
    kind: str
    snr_db: int
    seed: int
    epochs: int
    parameters: int
    macs: int
    train_s: float
    trained: float  # on the training windows themselves
    noisy: float  # on unseen recordings in the noise of training
    clean: float  # on unseen recordings without noise


def full() -> Plan:
    """All cells of a seed, then the next; between them what is trained as long as in the paper."""
    first, *others = [cells(LEVELS_DB, [seed]) for seed in SEEDS]
    later = [(cell, FAMILIES) for one in others for cell in one]
    long = first[0]._replace(epochs=LONG)
    return [*((cell, FAMILIES) for cell in first), (long, LONG_FAMILIES), *later]


def run(root: Path, plan: Plan, out: Path) -> None:
    """Trains and judges what is not in `out` yet, a line each; UserError for what data lack."""
    known = {(done.family, done.kind, done.snr_db, done.seed, done.epochs) for done in load(out)}
    training, judging = tasks.loads(root)
    clean = validation.labelled(judging, recipe(LABELS, plan[0][0]), PER_CLASS)
    for cell, families in plan:
        due = [family for family in families if (family, *cell) not in known]
        if due:
            shown = training_set(training, recipe(LABELS, cell), cell)
            noisy = judged_set(clean, cell)
            for family in due:
                _append(out, trial(family, cell, shown, (shown, noisy, clean)))
                known.add((family, *cell))


def trial(family: str, cell: Cell, shown: Labelled, judged: Sequence[Labelled]) -> PaperRun:
    """One model trained on `shown`, then judged on training, noisy and clean windows."""
    start = time.perf_counter()
    fit = _trees if family == "extra-trees" else _network
    answer, parameters, macs = fit(family, cell, shown)
    train_s = round(time.perf_counter() - start, 1)
    right = [round(float((answer(s.samples) == s.targets).mean()), 5) for s in judged]
    return PaperRun(family, *cell, parameters, macs, train_s, *right)


def load(path: Path) -> list[PaperRun]:
    """All runs in a file of results."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=PaperRun) for line in lines]


def _network(family: str, cell: Cell, shown: Labelled) -> tuple[Answer, int, int]:
    channels, window = shown.samples.shape[1:]
    seed = int(generator(cell).integers(1 << 31))
    torch.manual_seed(seed)
    size = Dimensions(channels, window, len(LABELS), tasks.RATE_HZ)
    network = build(family, "paper", size)
    sgd.train(network, shown, cell.epochs, seed)

    def answer(samples: Array) -> extra_trees.Indices:
        return np.asarray(
            forward(network, samples, np.zeros((len(samples), RUNNING_WIDTH), np.float32))[0]
            .argmax(1)
            .numpy()
        )

    return answer, cost.parameters(network), cost.macs(network, channels, window)


def _trees(family: str, cell: Cell, shown: Labelled) -> tuple[Answer, int, int]:
    grown = extra_trees.fit(extra_trees.features(shown.samples), shown.targets, cell.seed)
    return (lambda samples: extra_trees.classify(grown, samples)), extra_trees.nodes(grown), 0


def _append(path: Path, done: PaperRun) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(done)) + "\n")
    shares = f"{done.noisy:.3f} noisy, {done.clean:.3f} clean, {done.train_s:g} s"
    name = f"{done.family} {done.kind} {done.snr_db:+d} dB, seed {done.seed}, {done.epochs} epochs"
    sys.stdout.write(f"{name}: {shares}\n")
    sys.stdout.flush()


def _run(data: Path, quick: bool) -> None:
    torch.set_num_threads(1)
    if not quick:
        run(data, full(), RESULTS)
        return
    out = QUICK / RESULTS.name
    out.unlink(missing_ok=True)  # found once more, not remembered
    run(data, full()[:1], out)


def _table(quick: bool) -> None:
    results, out = (QUICK / p.name if quick else p for p in (RESULTS, DOCUMENT))
    runs = load(results)
    if not runs:
        raise UserError(
            f"{results}: found no results, expected those of `models.experiments.paper run`"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(document(runs, TRAINING_WINDOWS, EPOCHS))
    sys.stdout.write(f"{out}: written from {results}\n")
    if quick:
        sys.stdout.write(summed(compared(runs, DOCUMENT.read_text())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and judge; goes on where it was stopped")
    running.add_argument("--data", type=Path, required=True, help="where cwru lies")
    tabled = verbs.add_parser("table", help="write the document")
    for verb in (running, tabled):
        verb.add_argument("--quick", action="store_true", help="one cell, held against the rest")
    chosen = parser.parse_args()
    try:
        _run(chosen.data, chosen.quick) if chosen.verb == "run" else _table(chosen.quick)
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
