"""Trials as tables: mean and deviation over seeds, and paired differences with intervals."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from models.evaluation import markdown

REFERENCE = "drsn-twin"
USUAL = 4096  # frames of a window
PLAIN = ("gaussian", "laplacian", "pink")
UNSEEN = ("brown", "blue", "impulsive", "recorded")


class TrialFigures(Protocol):
    """One network trained once, see `models.experiments.trials.trial.TrialRun`."""

    @property
    def task(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...
    @property
    def figures(self) -> dict[str, float]: ...
    @property
    def int8(self) -> dict[str, float]: ...
    @property
    def window(self) -> int: ...
    @property
    def calibration(self) -> dict[str, float]: ...


Figures = dict[str, float]  # column -> per cent
BySeed = dict[int, Figures]


def table(runs: Sequence[TrialFigures]) -> str:
    """Markdown: for every kind of task the figures, and REFERENCE against each other family."""
    grouped: dict[str, dict[str, dict[int, list[Figures]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for run in runs:
        for kind in _kinds(run.task):
            for family, figures in named(run).items():
                grouped[kind][family][run.seed].append(figures)
    return "\n\n".join(_section(kind, families) for kind, families in grouped.items())


def calibrations(runs: Sequence[TrialFigures]) -> str:
    """Markdown: the expected calibration error in points, mean and deviation over runs."""
    grouped: dict[tuple[str, str], list[Figures]] = defaultdict(list)
    for run in runs:
        if run.calibration:
            grouped[run.task, next(iter(named(run)))].append(run.calibration)
    if not grouped:
        return ""
    conditions = list(next(iter(grouped.values()))[0])
    rows = [
        [*key, str(len(errors))]
        + [markdown.spread([100 * error[name] for error in errors]) for name in conditions]
        for key, errors in grouped.items()
    ]
    heads = ["task", "family", "seeds", *(name.replace("_", " ") for name in conditions)]
    return markdown.table(heads, rows)


def named(run: TrialFigures) -> dict[str, Figures]:
    """The figures of both files, float and INT8, by the name of their row."""
    name = run.family if run.window == USUAL else f"{run.family}, {run.window} frames"
    return {name: run.figures} | ({f"{name} INT8": run.int8} if run.int8 else {})


def _kinds(task: str) -> list[str]:
    """Left-out severities are also shown as their mean; unknown faults only as their mean."""
    if task.startswith("leave-"):
        return ["leave one severity out", task]
    return ["an unknown fault, AUROC"] if task.startswith("unknown-") else [task]


def _section(kind: str, families: dict[str, dict[int, list[Figures]]]) -> str:
    tasks = max(len(runs) for seeds in families.values() for runs in seeds.values())
    figures = {
        family: {seed: _mean(runs) for seed, runs in seeds.items() if len(runs) == tasks}
        for family, seeds in families.items()
    }
    heads = list(next(iter(figures[REFERENCE].values())))
    rows = [_row(family, by_seed, heads) for family, by_seed in figures.items() if by_seed]
    differences = [
        _difference(family, figures[REFERENCE], by_seed, heads)
        for family, by_seed in figures.items()
        if family != REFERENCE and by_seed
    ]
    named_heads = ["family", "seeds", *heads]
    return (
        f"### {kind}\n\n{markdown.table(named_heads, rows)}\n\n"
        f"{REFERENCE} minus the other, paired by seed, with its 95 % interval:\n\n"
        f"{markdown.table(named_heads, differences)}"
    )


def _mean(runs: Sequence[Figures]) -> Figures:
    """Columns of one family and seed, in per cent, over its tasks."""
    per_task = [columns(figures) for figures in runs]
    return {
        name: statistics.fmean(task_figures[name] for task_figures in per_task)
        for name in per_task[0]
    }


def columns(figures: Figures) -> Figures:
    """Shares by condition -> the columns of the tables, in per cent."""
    if "clean_f1" not in figures:  # figures of unknown faults
        return {name.replace("_", " "): 100 * share for name, share in figures.items()}
    cells = [figures[f"{kind}_{level}db"] for kind in PLAIN for level in range(-5, 6)]
    shares = {
        "clean": figures["clean"],
        "clean, macro-F1": figures["clean_f1"],
        "mean of 33 cells": statistics.fmean(cells),
        "worst cell": min(cells),
        "gaussian -5 dB": figures["gaussian_-5db"],
        "gaussian -10 dB": figures["gaussian_-10db"],
    } | {f"{kind} -5 dB": figures[f"{kind}_-5db"] for kind in UNSEEN}
    return {name: 100 * share for name, share in shares.items()}


def _row(family: str, by_seed: BySeed, heads: Sequence[str]) -> list[str]:
    values = ([figures[head] for figures in by_seed.values()] for head in heads)
    return [family, str(len(by_seed)), *(markdown.spread(list(column)) for column in values)]


def _difference(
    family: str, reference: BySeed, compared: BySeed, heads: Sequence[str]
) -> list[str]:
    seeds = sorted(reference.keys() & compared.keys())
    pairs = ([reference[seed][head] - compared[seed][head] for seed in seeds] for head in heads)
    return [family, str(len(seeds)), *(markdown.signed(list(column)) for column in pairs)]
