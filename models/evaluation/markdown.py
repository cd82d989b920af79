"""Figures, tables and paragraphs of documents, in Markdown."""

import statistics
import textwrap
from collections.abc import Iterable, Sequence

from models.evaluation.intervals import over_seeds


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a line for each row."""
    head = tuple(heads)
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation; a single value has none."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    return f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f}"


def signed(differences: Sequence[float]) -> str:
    """Mean and half of its 95 % interval; a single difference has none, no difference is empty."""
    if not differences:
        return ""
    mean, half = over_seeds(differences)
    return f"{mean:+.1f}" if len(differences) < 2 else f"{mean:+.1f} ± {half:.1f}"


def filled(text: str, indent: str = "") -> str:
    """A paragraph in lines of at most 100 characters; `indent` begins all but the first."""
    return textwrap.fill(
        " ".join(text.split()),
        100,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
