"""Figures and tables as the documents have them, in Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from models.evaluation.intervals import over_seeds


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Heads, a rule, a line a row."""
    head = tuple(heads)
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation; a single value alone."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    return f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f}"


def signed(differences: Sequence[float]) -> str:
    """Mean and half of its 95 % interval; a single difference alone, nothing for none."""
    if not differences:
        return ""
    mean, half = over_seeds(differences)
    return f"{mean:+.1f}" if len(differences) < 2 else f"{mean:+.1f} ± {half:.1f}"
