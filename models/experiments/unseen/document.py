"""docs/UNSEEN.md: the tables that the figures make, between its two markers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from models.experiments.unseen.figures import Figures, Outcome, Tally
from models.experiments.unseen.rows import WITH, WITHOUT

Marks = tuple[str, str]
MARKS: Marks = ("<!-- tables: make unseen -->", "<!-- end of tables -->")
BEGIN, END = MARKS
SIMULATED = "simulated"  # the machines of `models.experiments.unseen.simulated`
JUDGE_ONLY = (
    *("mfs_compound", "ims_run_in", "uav_propeller", "air_compressor"),
    *("gearbox_gfd", "ceiling_fan"),
)
HEALTHY: tuple[Outcome, ...] = ("normal", "unknown", "faulty")
BEARING: tuple[Outcome, ...] = ("right", "wrong", "unknown", "missed")
OTHER: tuple[Outcome, ...] = ("wrong", "unknown", "missed")
HEADS = (
    *("healthy: normal", "unknown", "named faulty"),
    *("bearing faults: right", "wrong", "unknown", "called normal"),
    *("other faults: named a bearing fault", "unknown", "called normal"),
)

Unit = Callable[[Figures], Tally]
UNITS: dict[str, Unit] = {
    "recordings": lambda figures: figures.recordings,
    "pieces of 3 s": lambda figures: figures.pieces,
}


def tables(
    now: Sequence[Figures],
    before: Sequence[Figures],
    lines: Iterable[str],
    repeats: Iterable[str] = (),
) -> Iterator[str]:
    """All tables as Markdown; `before` are the figures of the agent as it was.

    `lines` and `repeats` are the tables of the modules `lines_alone` and `repeats`.
    """
    for row in (WITHOUT, WITH):
        for unit, tally in UNITS.items():
            yield from (f"### Every machine, {row}: {unit}", "")
            yield from _machines(of_row(now, row), of_row(before, row), tally)
            yield ""
    for unit, tally in UNITS.items():
        yield from (f"### Controls: {unit}", "")
        yield from _controls(now, tally)
        yield ""
    yield from ("### The lines alone: recordings, their first 5 s", "", *lines, "")
    yield from ("### Nothing that repeats: recordings, their first 5 s", "", *repeats, "")
    yield from ("### The network alone: windows", "")
    yield from _sure(of_row(now, WITHOUT), of_row(before, WITHOUT))


def of_row(figures: Iterable[Figures], row: str) -> dict[str, Figures]:
    return {each.machine: each for each in figures if each.row == row}


def total(figures: Iterable[Figures], unit: Unit) -> Tally:
    total = Tally(Counter(), Counter(), Counter())
    for each in figures:
        total = total + unit(each)
    return total


def _machines(now: dict[str, Figures], before: dict[str, Figures], unit: Unit) -> Iterator[str]:
    yield f"| machine | | {' | '.join(HEADS)} |"
    yield "|" + "---|" * (2 + len(HEADS))
    groups = {name: [name] for name in now}
    real = [name for name in now if name != SIMULATED]
    groups["**rigs left out**"] = [name for name in real if name not in JUDGE_ONLY]
    groups["**all real ones**"] = real
    for title, members in groups.items():
        for when, figures in (("before", before), ("now", now)):
            own = total((figures[name] for name in members if name in figures), unit)
            yield f"| {title} | {when} | {' | '.join(cells(own))} |"


def cells(tally: Tally) -> list[str]:
    return [
        *(str(tally.share("healthy", each)) for each in HEALTHY),
        *(str(tally.share("bearing", each)) for each in BEARING),
        *(str(tally.share("other", each)) for each in OTHER),
    ]


def _controls(figures: Sequence[Figures], unit: Unit) -> Iterator[str]:
    yield f"| control | {' | '.join(HEADS)} |"
    yield "|" + "---|" * (1 + len(HEADS))
    for row in dict.fromkeys(each.row for each in figures if each.row not in (WITHOUT, WITH)):
        yield f"| {row} | {' | '.join(cells(total(of_row(figures, row).values(), unit)))} |"


def _sure(now: dict[str, Figures], before: dict[str, Figures]) -> Iterator[str]:
    yield "| machine | | > 0.9 sure and wrong | of the right ones, > 0.9 sure | calibration error |"
    yield "|---|---|---|---|---|"
    for machine in now:
        for when, figures in (("before", before), ("now", now)):
            if machine in figures:
                own = figures[machine].sureness
                points = own.calibration_points
                calibration = "-" if points is None else f"{points:g} points"
                row = (machine, when, own.sure_wrong, own.sure_right, calibration)
                yield f"| {' | '.join(map(str, row))} |"


def write(path: Path, lines: Iterable[str], marks: Marks = MARKS) -> None:
    """Puts the tables between the markers; the text around them stays."""
    begin, end = marks
    head, _, rest = path.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n\n" + "\n".join(lines) + f"\n\n{end}{tail}")


def summary(figures: Sequence[Figures]) -> Iterator[str]:
    """A line a row, for the terminal: recordings."""
    for row in dict.fromkeys(each.row for each in figures):
        tally = total(of_row(figures, row).values(), UNITS["recordings"])
        pairs = zip(HEADS, cells(tally), strict=True)
        yield f"{row}: " + ", ".join(f"{head} {cell}" for head, cell in pairs)
