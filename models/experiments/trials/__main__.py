"""Trials: every family by one recipe, on the tasks of `models.experiments.trials.tasks`, seed by
seed.

    python -m models.experiments.trials run --data DATA [--quick]
    python -m models.experiments.trials table [--quick]

`run` appends to `runs/trials.jsonl` and goes on where it was stopped; `table` writes
`docs/TRIALS.md` from it, and keeps it beside that. With `--quick` two networks are trained anew,
and their figures are held against those of the committed document.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch

from agent.core.errors import UserError
from models.evaluation.quick import summed
from models.experiments.trials import text
from models.experiments.trials.quick import compared
from models.experiments.trials.table import REFERENCE
from models.experiments.trials.tasks import TASKS, Task
from models.experiments.trials.trial import TREES, WINDOW, TrialRun, both_sides, recipe, trial

LEFT_OUT = tuple(name for name in TASKS if name.startswith("leave-"))
FORMS = (REFERENCE, "se-twin", "res-twin")  # the same network with thresholds, a gain, neither
ORDERS = ("drsn-order", "se-order", "res-order")  # the same without colour
LONG = 8192  # frames, twice as many
PLAN = {  # family -> tasks
    **dict.fromkeys((REFERENCE, ORDERS[0]), tuple(TASKS)),
    **dict.fromkeys((*FORMS[1:], *ORDERS[1:]), ("ten", *LEFT_OUT)),
    **dict.fromkeys(
        ("resnet", "drsn-cw", "wdcnn", TREES),
        ("ten", *LEFT_OUT, "rig-mfs", "rig-self", "bearing"),
    ),
}
LONG_FAMILIES, LONG_TASKS = (TREES,), ("ten", *LEFT_OUT)
SEEDS, MANY_SEEDS = 3, 10  # many: of the three forms, where a severity is left out
QUICK_TASKS = ("ten", "leave-14mil")
RESULTS, DOCUMENT, QUICK = Path("runs/trials.jsonl"), Path("docs/TRIALS.md"), Path("runs/quick")


def planned(task: str, seed: int, window: int) -> list[str]:
    """The families that are tried on a task with that seed and window."""
    if window == LONG:
        return [name for name in LONG_FAMILIES if task in LONG_TASKS and seed < SEEDS]
    many = FORMS if task in LEFT_OUT else ()
    return [
        family
        for family, tasks in PLAN.items()
        if task in tasks and seed < (MANY_SEEDS if family in many else SEEDS)
    ]


def run(
    task: Task, root: Path, families: Sequence[str], seed: int, out: Path, window: int = WINDOW
) -> None:
    """Trains and judges what is not in `out` yet, a line each."""
    known = {(done.task, done.family, done.seed, done.window) for done in load(out)}
    wanted = [family for family in families if (task.name, family, seed, window) not in known]
    if not wanted:
        return
    training, under = both_sides(task, root, window)
    for family in wanted:
        _append(out, trial(task, recipe(task, family, seed, window), training, under))


def load(path: Path) -> list[TrialRun]:
    """All runs in a file of results."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=TrialRun) for line in lines]


def _place(done: TrialRun) -> tuple[int, int, int, int]:
    """In the tables: tasks and families as they are planned."""
    families = list(PLAN)
    return list(TASKS).index(done.task), done.window, families.index(done.family), done.seed


def _append(path: Path, done: TrialRun) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(done)) + "\n")
    sys.stdout.write(
        f"{done.task} {done.family} {done.window}, seed {done.seed}: {done.train_s:g} s\n"
    )
    sys.stdout.flush()


def _run(chosen: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # what the exporter tells its own developers
    if chosen.quick:
        out = QUICK / RESULTS.name
        out.unlink(missing_ok=True)  # found once more, not remembered
        for task in QUICK_TASKS:
            run(TASKS[task], chosen.data, [REFERENCE], 0, out)
        return
    for seed in chosen.seeds:
        for task in chosen.tasks:
            for window in chosen.windows:
                families = [
                    family
                    for family in planned(task, seed, window)
                    if family in (chosen.families or [family])
                ]
                run(TASKS[task], chosen.data, families, seed, chosen.out, window)


def _table(quick: bool) -> None:
    results = QUICK / RESULTS.name if quick else RESULTS
    runs = load(results)
    if not runs:
        raise UserError(
            f"{results}: found no results, expected those of `models.experiments.trials run`"
        )
    if quick:
        sys.stdout.write(summed(compared(runs, DOCUMENT.read_text())))
    else:
        runs.sort(key=_place)
        DOCUMENT.write_text(text.document(runs))
        DOCUMENT.with_suffix(".jsonl").write_bytes(results.read_bytes())
        sys.stdout.write(f"{DOCUMENT} and its .jsonl: written from {results}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and judge; goes on where it was stopped")
    running.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    running.add_argument("--out", type=Path, default=RESULTS)
    running.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    running.add_argument("--families", nargs="+", help="only these")
    running.add_argument("--windows", nargs="+", type=int, default=[WINDOW, LONG], help="frames")
    running.add_argument("--seeds", nargs="+", type=int, default=list(range(MANY_SEEDS)))
    tabled = verbs.add_parser("table", help="write the document")
    for verb in (running, tabled):
        verb.add_argument("--quick", action="store_true", help="two networks, held against it")
    chosen = parser.parse_args()
    try:
        _run(chosen) if chosen.verb == "run" else _table(chosen.quick)
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
