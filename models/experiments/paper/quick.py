"""Compares a quick run of the paper's protocol with the document of the full run."""

from collections.abc import Sequence

from models.evaluation import quick
from models.experiments.paper.figures import JudgedRun, head
from models.experiments.paper.table import SIDES

Expected = dict[tuple[str, str, str], tuple[float, float]]


def compared(runs: Sequence[JudgedRun], text: str) -> list[str]:
    """A line for each figure: is it within the range of one more training of the document?"""
    expected, lines = _read(text), []
    for run in runs:
        for side, share in zip(SIDES, (run.noisy, run.clean), strict=True):
            place = head((run.kind, run.snr_db))
            result = quick.verdict(100 * share, expected.get((run.family, side, place)))
            lines.append(f"{run.family}, {place}, judged {side}: {result}")
    return lines


def _read(text: str) -> Expected:
    """(family, side, head of column) -> mean, and the range of a single training around it."""
    expected: Expected = {}
    heads: list[str] = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.strip("|").split("|")]
        if fields[:2] == ["model", "judged"]:
            heads = fields
        elif len(fields) == len(heads) and fields[1] in SIDES:
            for name, value in zip(heads[2:-1], fields[2:-1], strict=True):
                if value and fields[-1]:
                    expected[fields[0], fields[1], name] = float(value), float(fields[-1])
    return expected
