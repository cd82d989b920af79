"""Trials: every family by one recipe, on the tasks of `models.experiments.trials.tasks`.

    python -m models.experiments.trials run --data DATA [--quick | --smoke]
    python -m models.experiments.trials table [--quick | --smoke]

`run` appends to `runs/trials.jsonl` and continues where it was stopped; `table` writes
`docs/TRIALS.md` from these results and copies them beside it. `--quick` trains two networks and
compares their figures with the document. `--smoke` only shows that both commands run; its
document is in `runs/smoke` and its figures mean nothing.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch

from models import command
from models.command import say
from models.evaluation import results
from models.evaluation.quick import summed
from models.experiments.trials import text
from models.experiments.trials.plan import (
    DOCUMENT,
    LONG,
    MANY_SEEDS,
    PLAN,
    QUICK_TASKS,
    RESULTS,
    SMOKE_FAMILIES,
    SMOKE_PER_CLASS,
    SMOKE_STEPS,
    SMOKE_TASKS,
    Job,
    planned,
)
from models.experiments.trials.quick import compared
from models.experiments.trials.table import REFERENCE
from models.experiments.trials.tasks import TASKS
from models.experiments.trials.trial import WINDOW, TrialRun, both_sides, shared_recipe, trial

MODULE = "models.experiments.trials"


def run(job: Job, root: Path, out: Path) -> None:
    """Trains and evaluates the families of the job that are not in `out` yet, a line each."""
    done = {(run.task, run.family, run.seed, run.window) for run in results.load(out, TrialRun)}
    due = [f for f in job.families if (job.task.name, f, job.seed, job.window) not in done]
    if not due:
        return
    training, conditions = both_sides(job.task, root, job.window, job.per_class)
    for family in due:
        shared = shared_recipe(job.task, family, job.seed, job.window)
        recipe = msgspec.structs.replace(shared, steps=job.steps)
        trained = trial(job.task, recipe, training, conditions)
        line = f"{job.task.name} {family} {job.window}, seed {job.seed}: {trained.train_s:g} s"
        results.append(out, trained, line)


def _order(run: TrialRun) -> tuple[int, int, int, int]:
    """The place of a run in the tables: tasks and families as in the plan."""
    return list(TASKS).index(run.task), run.window, list(PLAN).index(run.family), run.seed


def _jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    if arguments.quick:
        yield from (Job(TASKS[name], (REFERENCE,), 0) for name in QUICK_TASKS)
        return
    if arguments.smoke:
        size = {"steps": SMOKE_STEPS, "per_class": SMOKE_PER_CLASS}
        yield from (Job(TASKS[name], SMOKE_FAMILIES, 0, **size) for name in SMOKE_TASKS)
        return
    for seed in arguments.seeds:
        for task in arguments.tasks:
            for window in arguments.windows:
                families = arguments.families or planned(task, seed, window)
                yield Job(TASKS[task], tuple(families), seed, window)


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # the exporter's messages to its own developers
    out = results.start(arguments, arguments.out)
    for job in _jobs(arguments):
        run(job, arguments.data, out)
    return 0


def _table(arguments: argparse.Namespace) -> int:
    folder = results.smaller(arguments)
    source = (folder or RESULTS.parent) / RESULTS.name
    runs = sorted(results.needed(source, TrialRun, MODULE), key=_order)
    if arguments.quick:
        sys.stdout.write(summed(compared(runs, DOCUMENT.read_text())))
        return 0
    document = folder / DOCUMENT.name if folder else DOCUMENT
    document.write_text(text.document(runs))
    document.with_suffix(".jsonl").write_bytes(source.read_bytes())
    say(f"{document} and its .jsonl: written from {source}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.trials`."""
    parser, running, tabled = results.command_line(MODULE, __doc__)
    running.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    running.add_argument("--out", type=Path, default=RESULTS)
    running.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    running.add_argument("--families", nargs="+", choices=PLAN, help="these, planned or not")
    running.add_argument("--windows", nargs="+", type=int, default=[WINDOW, LONG], help="frames")
    running.add_argument("--seeds", nargs="+", type=int, default=list(range(MANY_SEEDS)))
    running.set_defaults(run=_run)
    tabled.set_defaults(run=_table)
    return parser


if __name__ == "__main__":
    sys.exit(command.main(parser()))
