"""The rigs of training, validation side: what the decision costs where the network is right.

The released `bearing-orders`, through commissioning and the agent's own pipeline. The bearings are
those of training at another load or speed: what is lost here is lost to the decision.
"""

from collections.abc import Iterator, Sequence

from models.experiments.unseen import document
from models.experiments.unseen.document import BEARING, HEADS, HEALTHY, UNITS, Marks, Unit
from models.experiments.unseen.figures import Figures, Share
from models.experiments.unseen.rows import WITH, WITHOUT

MARKS: Marks = ("<!-- trained rigs: make unseen -->", "<!-- end of trained rigs -->")


def tables(figures: Sequence[Figures]) -> Iterator[str]:
    """Recordings, pieces of 3 s, then the network's windows, as Markdown."""
    for unit, tally in UNITS.items():
        yield from (f"### Rigs of training, validation side: {unit}", "")
        yield from _table(figures, tally)
        yield ""
    yield from ("### Rigs of training, the network alone: windows", "")
    yield "| machine | right | > 0.9 sure and wrong |"
    yield "|---|---|---|"
    for each in figures:
        if each.row == WITHOUT:
            sure = each.sureness
            yield f"| {each.machine} | {_right(each)} | {sure.sure_wrong} |"


def _right(figures: Figures) -> Share:
    return Share(figures.sureness.sure_right.total, figures.sureness.sure_wrong.total)


def _table(figures: Sequence[Figures], unit: Unit) -> Iterator[str]:
    heads = HEADS[: len(HEALTHY) + len(BEARING)]
    yield f"| machine | | {' | '.join(heads)} |"
    yield "|" + "---|" * (2 + len(heads))
    for row in (WITHOUT, WITH):
        own = document.of_row(figures, row)
        lines = {name: unit(each) for name, each in own.items()}
        lines["**all**"] = document.total(own.values(), unit)
        for name, tally in lines.items():
            yield f"| {name} | {row} | {' | '.join(document.cells(tally)[: len(heads)])} |"
