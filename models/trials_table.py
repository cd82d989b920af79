"""Trials as tables: mean and deviation over seeds, and paired differences with intervals."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from models import markdown

REFERENCE = "drsn-order"
PLAIN = ("gaussian", "laplacian", "pink")
UNSEEN = ("brown", "blue", "impulsive", "recorded")


class Run(Protocol):
    """One network trained once, see `models.trials.Run`."""

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


Figures = dict[str, float]  # column -> per cent
BySeed = dict[int, Figures]


def table(runs: Sequence[Run]) -> str:
    """Markdown: for every kind of task the figures, and REFERENCE against each other family."""
    found: dict[str, dict[str, dict[int, list[Figures]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for run in runs:
        found[_kind(run.task)][run.family][run.seed].append(run.figures)
        if run.int8:
            found[_kind(run.task)][f"{run.family} INT8"][run.seed].append(run.int8)
    return "\n\n".join(_section(kind, families) for kind, families in found.items())


def _kind(task: str) -> str:
    """The severities left out are one figure, their mean; so are the faults kept unknown."""
    parts = {"leave-": "leave one severity out", "unknown-": "an unknown fault, AUROC"}
    return next((kind for start, kind in parts.items() if task.startswith(start)), task)


def _section(kind: str, families: dict[str, dict[int, list[Figures]]]) -> str:
    tasks = max(len(runs) for seeds in families.values() for runs in seeds.values())
    figures = {
        family: {seed: _mean(runs) for seed, runs in seeds.items() if len(runs) == tasks}
        for family, seeds in families.items()
    }
    columns = list(next(iter(figures[REFERENCE].values())))
    heads = ["family", "seeds", *columns]
    rows = [_row(family, by_seed, columns) for family, by_seed in figures.items() if by_seed]
    differences = [
        _difference(family, figures[REFERENCE], by_seed, columns)
        for family, by_seed in figures.items()
        if family != REFERENCE and by_seed
    ]
    return (
        f"### {kind}\n\n{markdown.table(heads, rows)}\n\n"
        f"{REFERENCE} minus the other, paired by seed, with its 95 % interval:\n\n"
        f"{markdown.table(heads, differences)}"
    )


def _mean(runs: Sequence[Figures]) -> Figures:
    """Columns of one family and seed, in per cent, over its tasks."""
    every = [_columns(figures) for figures in runs]
    return {name: statistics.fmean(one[name] for one in every) for name in every[0]}


def _columns(figures: dict[str, float]) -> Figures:
    if "clean_f1" not in figures:  # of unknown faults: as they are
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


def _row(family: str, by_seed: BySeed, columns: Sequence[str]) -> list[str]:
    values = ([figures[column] for figures in by_seed.values()] for column in columns)
    return [family, str(len(by_seed)), *(markdown.spread(list(found)) for found in values)]


def _difference(family: str, own: BySeed, other: BySeed, columns: Sequence[str]) -> list[str]:
    seeds = sorted(own.keys() & other.keys())
    pairs = ([own[seed][column] - other[seed][column] for seed in seeds] for column in columns)
    return [family, str(len(seeds)), *(markdown.signed(list(found)) for found in pairs)]
