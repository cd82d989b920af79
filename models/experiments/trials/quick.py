"""A quick run of the trials held against the document of the full one."""

import math
import re
from collections.abc import Sequence

from scipy.stats import t as student

from models.evaluation import quick
from models.experiments.trials.table import TrialFigures, columns, named

LEVEL = 0.95
SECTION, ROW = re.compile(r"^### (.+)$"), re.compile(r"^\| (.+) \|$")

Known = dict[tuple[str, str, str], tuple[float, float]]


def compared(runs: Sequence[TrialFigures], text: str) -> list[str]:
    """Of every figure a line: does it lie where a single training of the document's would?"""
    known, found = _read(text), []
    for run in runs:
        for family, figures in named(run).items():
            for column, value in columns(figures).items():
                told = quick.verdict(value, known.get((run.task, family, column)))
                found.append(f"{run.task}, {family}, {column}: {told}")
    return found


def _read(text: str) -> Known:
    """(task, family, column) -> mean, and what a single training may differ by."""
    found: Known = {}
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
                    found[task, fields[0], column] = _single(cell, int(fields[1]))
    return found


def _single(cell: str, seeds: int) -> tuple[float, float]:
    """Mean, and Student's reach of one more value, from mean ± standard deviation over seeds."""
    mean, _, deviation = cell.partition(" ± ")
    if seeds < 2:
        return float(mean), math.nan
    reach = float(student.ppf((1 + LEVEL) / 2, seeds - 1)) * math.sqrt(1 + 1 / seeds)
    return float(mean), reach * float(deviation)
