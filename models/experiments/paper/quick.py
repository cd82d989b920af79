"""A quick run of the paper's protocol held against the document of the full one."""

from collections.abc import Sequence

from models.evaluation import quick
from models.experiments.paper.figures import JudgedRun, head
from models.experiments.paper.table import SIDES

Known = dict[tuple[str, str, str], tuple[float, float]]


def compared(runs: Sequence[JudgedRun], text: str) -> list[str]:
    """Of every figure a line: does it lie where a single training of the document's would?"""
    known, found = _read(text), []
    for run in runs:
        for side, share in zip(SIDES, (run.noisy, run.clean), strict=True):
            place = head((run.kind, run.snr_db))
            told = quick.verdict(100 * share, known.get((run.family, side, place)))
            found.append(f"{run.family}, {place}, judged {side}: {told}")
    return found


def _read(text: str) -> Known:
    """(family, side, head of column) -> mean, and what a single training may differ by."""
    found: Known = {}
    heads: list[str] = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.strip("|").split("|")]
        if fields[:2] == ["model", "judged"]:
            heads = fields
        elif len(fields) == len(heads) and fields[1] in SIDES:
            for name, value in zip(heads[2:-1], fields[2:-1], strict=True):
                if value and fields[-1]:
                    found[fields[0], fields[1], name] = float(value), float(fields[-1])
    return found
