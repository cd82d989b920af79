"""Compares a quick run of the trials with the document of the full run."""

import math
import re
from collections.abc import Sequence

from scipy.stats import t as student

from models.evaluation import quick
from models.experiments.trials.table import TrialFigures, columns, named

LEVEL = 0.95
SECTION, ROW = re.compile(r"^### (.+)$"), re.compile(r"^\| (.+) \|$")

Expected = dict[tuple[str, str, str], tuple[float, float]]


def compared(runs: Sequence[TrialFigures], text: str) -> list[str]:
    """A line for each figure: is it within the range of one more training of the document?"""
    expected, lines = _read(text), []
    for run in runs:
        for family, figures in named(run).items():
            for column, value in columns(figures).items():
                result = quick.verdict(value, expected.get((run.task, family, column)))
                lines.append(f"{run.task}, {family}, {column}: {result}")
    return lines


def _read(text: str) -> Expected:
    """(task, family, column) -> mean, and the range of a single training around it."""
    lines: Expected = {}
    task, heads = "", [""]
    for line in text.splitlines():
        if section := SECTION.match(line):
            task = section[1]
        elif row := ROW.match(line):
            fields = row[1].split(" | ")
            if fields[0] == "family":
                heads = fields
            elif len(fields) == len(heads) and " ± " in line and "+" not in line:
                for column, cell in zip(heads[2:], fields[2:], strict=True):
                    lines[task, fields[0], column] = _single(cell, int(fields[1]))
    return lines


def _single(cell: str, seeds: int) -> tuple[float, float]:
    """Mean, and Student's reach of one more value, from mean ± standard deviation over seeds."""
    mean, _, deviation = cell.partition(" ± ")
    if seeds < 2:
        return float(mean), math.nan
    reach = float(student.ppf((1 + LEVEL) / 2, seeds - 1)) * math.sqrt(1 + 1 / seeds)
    return float(mean), reach * float(deviation)
