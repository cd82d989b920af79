"""The tables of networks network_only, recipe beside recipe, between their own markers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.experiments.unseen import document, network_only
from models.experiments.unseen.document import Marks
from models.experiments.unseen.figures import NOTHING, Figures, Outcome, Share, condensed
from models.experiments.unseen.left_out import RIGS
from models.experiments.unseen.rows import Row

MARKS: Marks = ("<!-- recipes: models.experiments.unseen.recipes -->", "<!-- end of recipes -->")
HEADS = (
    *("healthy: normal", "named faulty", "bearing faults: right", "wrong", "called normal"),
    *("healthy windows named faulty", "windows > 0.9 sure and wrong"),
    *("of the right ones, > 0.9 sure", "calibration error, points"),
)
HEALTHY: tuple[Outcome, ...] = (
    "normal",
    "faulty",
)  # nothing is unknown to the network alone
FAULTY: tuple[Outcome, ...] = ("right", "wrong", "missed")
TEMPERATURES = frozenset(map(network_only.temperature, network_only.FACTORS))
LEFT_OUT = tuple(left.rig for left in RIGS)
GROUPS = ("rigs left out", *LEFT_OUT, "mfs_compound, ims_run_in", document.SIMULATED)


def tables(recipes: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Markdown: a table for each group of machines, a row for each control and recipe."""
    for group in GROUPS:
        own = {name: [_of_group(row, group) for row in rows] for name, rows in recipes.items()}
        names = dict.fromkeys(row.name for rows in own.values() for row in rows if row.results)
        if group != GROUPS[0]:  # a temperature is chosen on all rigs
            names = dict.fromkeys(name for name in names if name not in TEMPERATURES)
        if not names:
            continue
        yield from (f"### The network alone, {group}: recordings", "")
        yield f"| | recipe | {' | '.join(HEADS)} |"
        yield "|" + "---|" * (2 + len(HEADS))
        for name in names:
            for recipe, rows in own.items():
                results = [row for row in rows if row.name == name]
                yield f"| {name} | {recipe} | {' | '.join(_cells(results))} |"
        yield ""


def _of_group(row: Row, group: str) -> Row:
    machines = LEFT_OUT if group == GROUPS[0] else group.split(", ")
    return Row(row.name, tuple(each for each in row.results if each.machine in machines))


def _cells(rows: Iterable[Row]) -> list[str]:
    results = [result for row in rows for result in row.results]
    if not results:
        return ["-"] * len(HEADS)
    figures = condensed([("", results)])
    tally = document.total(figures, document.UNITS["recordings"])
    healthy = [window for each in results if each.label == "normal" for window in each.windows]
    named = Share(sum(window.network != "normal" for window in healthy), len(healthy))
    shares = (
        *(tally.share("healthy", outcome) for outcome in HEALTHY),
        *(tally.share("bearing", outcome) for outcome in FAULTY),
        named,
    )
    return [*map(str, shares), *_sure(figures)]


def _sure(figures: Sequence[Figures]) -> list[str]:
    sure = [each.sureness for each in figures]
    wrong = sum((each.sure_wrong for each in sure), NOTHING)
    right = sum((each.sure_right for each in sure), NOTHING)
    weights = [(each.calibration_points or 0.0) * each.sure_wrong.total for each in sure]
    points = sum(weights) / wrong.total if wrong.total else 0.0
    return [str(wrong), str(right), f"{points:.1f}"]
