"""Estimates from runs of the paper's protocol: means over cells, intervals over seeds."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from scipy.stats import t as student

LEVEL = 0.95
ENOUGH = 3  # degrees of freedom: with fewer, Student's t says little but that they are few

Place = tuple[str, int]  # noise, SNR in dB
Cells = Mapping[Place, Mapping[int, float]]  # -> seed -> per cent


class JudgedRun(Protocol):
    """One model trained once, see `models.experiments.paper.__main__.PaperRun`."""

    @property
    def family(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def snr_db(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def macs(self) -> int: ...
    @property
    def trained(self) -> float: ...
    @property
    def noisy(self) -> float: ...
    @property
    def clean(self) -> float: ...


class Estimate(NamedTuple):
    """A mean over cells, and half of its 95 % interval (NaN for a single cell).

    `single`: how far one more training may lie from its cell's mean (NaN: too few seeds to tell).
    """

    mean: float
    half: float
    single: float


def estimate(cells: Cells) -> Estimate:
    """Cells count alike. Chance is what seeds of one cell differ by, pooled over cells.

    Where too few cells have two seeds it is what cells differ by, which is chance and more.
    """
    found = [list(by_seed.values()) for by_seed in cells.values()]
    mean = statistics.fmean(means(cells))
    freedom = sum(len(values) - 1 for values in found)
    if freedom < ENOUGH:
        return Estimate(mean, _over_cells(means(cells)), math.nan)
    squares = sum((v - statistics.fmean(values)) ** 2 for values in found for v in values)
    reach = float(student.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(squares / freedom)
    half = reach * math.sqrt(sum(1 / len(values) for values in found)) / len(found)
    return Estimate(mean, half, reach * math.sqrt(1 + 1 / min(len(v) for v in found)))


def _over_cells(found: Sequence[float]) -> float:
    if len(found) < 2:
        return math.nan
    reach = float(student.ppf((1 + LEVEL) / 2, len(found) - 1))
    return reach * statistics.stdev(found) / math.sqrt(len(found))


def per_cent(runs: Iterable[JudgedRun], share: Callable[[JudgedRun], float]) -> Cells:
    """One model's runs, in cells."""
    cells: dict[Place, dict[int, float]] = defaultdict(dict)
    for run in runs:
        cells[run.kind, run.snr_db][run.seed] = 100 * share(run)
    return dict(cells)


def minus(first: Cells, second: Cells) -> Cells:
    """Differences where both have the same cell and seed."""
    both = {
        place: {seed: own[seed] - second[place][seed] for seed in own.keys() & second[place].keys()}
        for place, own in first.items()
        if place in second
    }
    return {place: by_seed for place, by_seed in both.items() if by_seed}


def means(cells: Cells) -> list[float]:
    """Of each cell, over its seeds."""
    return [statistics.fmean(by_seed.values()) for by_seed in cells.values()]


def head(place: Place) -> str:
    """What a cell is called in tables."""
    return f"{place[0]} {place[1]:+d} dB"


def half(found: Estimate) -> str:
    """Half of the interval as tables have it, or nothing."""
    return "" if math.isnan(found.half) else f"± {found.half:.1f}"


def signed(found: Estimate) -> str:
    return f"{found.mean:+.1f} {half(found)}".strip()
