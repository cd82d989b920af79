"""Estimates from runs of the paper's protocol: means over cells, intervals over seeds."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from scipy.stats import t as student

LEVEL = 0.95
ENOUGH = 3  # degrees of freedom, below which Student's interval is too wide to be of use

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
    """The mean over cells, all with the same weight, and its interval.

    The variance is that between seeds of one cell, pooled over cells. Where too few cells have two
    seeds, it is that between cells, which is larger.
    """
    cell_values = [list(by_seed.values()) for by_seed in cells.values()]
    mean = statistics.fmean(means(cells))
    freedom = sum(len(values) - 1 for values in cell_values)
    if freedom < ENOUGH:
        return Estimate(mean, _over_cells(means(cells)), math.nan)
    squares = sum((v - statistics.fmean(values)) ** 2 for values in cell_values for v in values)
    reach = float(student.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(squares / freedom)
    half = reach * math.sqrt(sum(1 / len(values) for values in cell_values)) / len(cell_values)
    return Estimate(mean, half, reach * math.sqrt(1 + 1 / min(len(v) for v in cell_values)))


def _over_cells(cell_values: Sequence[float]) -> float:
    if len(cell_values) < 2:
        return math.nan
    reach = float(student.ppf((1 + LEVEL) / 2, len(cell_values) - 1))
    return reach * statistics.stdev(cell_values) / math.sqrt(len(cell_values))


def per_cent(runs: Iterable[JudgedRun], share: Callable[[JudgedRun], float]) -> Cells:
    """The runs of one model, by cell and seed."""
    cells: dict[Place, dict[int, float]] = defaultdict(dict)
    for run in runs:
        cells[run.kind, run.snr_db][run.seed] = 100 * share(run)
    return dict(cells)


def minus(first: Cells, second: Cells) -> Cells:
    """Differences where both have the same cell and seed."""
    both = {
        place: {
            seed: first_by_seed[seed] - second[place][seed]
            for seed in first_by_seed.keys() & second[place].keys()
        }
        for place, first_by_seed in first.items()
        if place in second
    }
    return {place: by_seed for place, by_seed in both.items() if by_seed}


def means(cells: Cells) -> list[float]:
    """The mean of each cell over its seeds."""
    return [statistics.fmean(by_seed.values()) for by_seed in cells.values()]


def head(place: Place) -> str:
    """The name of a cell in tables."""
    return f"{place[0]} {place[1]:+d} dB"


def half(estimate: Estimate) -> str:
    """Half of the interval as in the tables; empty where there is none."""
    return "" if math.isnan(estimate.half) else f"± {estimate.half:.1f}"


def signed(estimate: Estimate) -> str:
    return f"{estimate.mean:+.1f} {half(estimate)}".strip()
