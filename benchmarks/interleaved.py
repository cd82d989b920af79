"""Two ways of doing the same, timed in turn in one run: what counts is the ratio, not the clock."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How long `ours` takes relative to `baseline`: medians over the rounds."""

    name: str
    ratio: float  # round by round, as are its quartiles
    ours_us: float
    baseline_us: float
    low: float
    high: float

    def cell(self, per: int = 1) -> str:
        """For a table; of each of `per` items that one run of ours handles."""
        low, ratio, high = (value / per for value in (self.low, self.ratio, self.high))
        return f"{ratio:.2f} [{low:.2f}, {high:.2f}]"

    def __str__(self) -> str:
        return (
            f"{self.name:58} {self.ratio:6.2f}  [{self.low:.2f}, {self.high:.2f}]"
            f"  {self.ours_us:9.1f} us  against {self.baseline_us:9.1f} us"
        )


def compare(
    name: str, ours: Callable[[], object], baseline: Callable[[], object], rounds: int = 200
) -> Ratio:
    """Runs both in turn, after a warm-up of a tenth of the rounds."""
    for _ in range(max(1, rounds // 10)):
        ours(), baseline()
    pairs = [(_time_us(ours), _time_us(baseline)) for _ in range(rounds)]
    ratios = statistics.quantiles([a / b for a, b in pairs], n=4)
    return Ratio(
        name,
        ratios[1],
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        ratios[0],
        ratios[2],
    )


def _time_us(work: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1000
