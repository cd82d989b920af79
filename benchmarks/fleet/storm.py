"""How a fleet comes back: connections over time."""

from collections.abc import Sequence
from dataclasses import dataclass

BUCKET_S = 5


@dataclass(frozen=True)
class Storm:
    """Connections that the broker let in after a moment, and attempts to get them."""

    connects: int
    attempts: int
    peak_per_s: int
    half_s: float  # until half of the boxes were back
    most_s: float  # 99 of 100
    all_s: float
    buckets: tuple[int, ...]  # connections in each 5 s


def storm(
    connects: Sequence[float],
    attempts: Sequence[float],
    from_s: float,
    until_s: float,
    zero_s: float,
) -> Storm:
    """What fell between two Unix times; delays count from `zero_s`."""
    after = sorted(at_s - zero_s for at_s in connects if from_s <= at_s < until_s)
    tries = sum(from_s <= at_s < until_s for at_s in attempts)
    if not after:
        return Storm(0, tries, 0, 0.0, 0.0, 0.0, ())
    per_s, buckets = _histogram(after, 1), _histogram(after, BUCKET_S)
    half_s, most_s, all_s = (_quantile(after, share) for share in (0.5, 0.99, 1.0))
    return Storm(len(after), tries, max(per_s), half_s, most_s, all_s, tuple(buckets))


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _histogram(after: Sequence[float], width_s: int) -> list[int]:
    counts = [0] * (int(max(after[-1], 0)) // width_s + 1)
    for at_s in after:
        counts[max(0, int(at_s)) // width_s] += 1
    return counts
