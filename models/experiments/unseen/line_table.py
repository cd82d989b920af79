"""The tables of classifiers of lines beside the network, between their own markers."""

from collections.abc import Iterator, Sequence

from models.experiments.unseen import document
from models.experiments.unseen.document import HEADS, UNITS, Marks, Unit
from models.experiments.unseen.figures import NOTHING, Figures

MARKS: Marks = ("<!-- lines: make unseen -->", "<!-- end of lines -->")
SURE_HEADS = ("looks > 0.9 sure and wrong", "of the right ones, > 0.9 sure")


def tables(figures: Sequence[Figures]) -> Iterator[str]:
    """The rigs left out together, then the machines that nobody trains on, as Markdown."""
    groups = {
        "rigs left out": [f for f in figures if f.machine not in document.JUDGE_ONLY],
        "machines that nobody trains on": [f for f in figures if f.machine in document.JUDGE_ONLY],
    }
    for group, members in groups.items():
        for unit, tally in UNITS.items():
            names = ", ".join(dict.fromkeys(f.machine for f in members))
            yield from (f"### Classifiers of lines, {group} ({names}): {unit}", "")
            yield from _table(members, tally)
            yield ""


def _table(figures: Sequence[Figures], unit: Unit) -> Iterator[str]:
    heads = (*HEADS[: len(document.HEALTHY) + len(document.BEARING)], *SURE_HEADS)
    yield f"| who and how it decides | {' | '.join(heads)} |"
    yield "|" + "---|" * (1 + len(heads))
    for row in sorted(dict.fromkeys(f.row for f in figures), key=_order):
        own = [f for f in figures if f.row == row]
        tally = document.total(own, unit)
        cells = document.cells(tally)[: len(heads) - len(SURE_HEADS)]
        sure = (
            sum((f.sureness.sure_wrong for f in own), NOTHING),
            sum((f.sureness.sure_right for f in own), NOTHING),
        )
        yield f"| {row} | {' | '.join((*cells, *map(str, sure)))} |"


def _order(row: str) -> tuple[str, str]:
    """By the recordings and the way of deciding, then by who."""
    who, _, way = row.partition(": ")
    name, _, covered = who.partition(", own healthy vibration")
    return f"{covered}{way}", name
