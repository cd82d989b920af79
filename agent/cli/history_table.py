"""A history as a table for people, and as CSV for spreadsheets."""

import csv
import datetime
import sys
from collections.abc import Iterator

from agent.core.logs import escape
from agent.delivery.trends.levels import DECISIONS, LEVELS, Level
from agent.delivery.trends.reading import History, Point

SHOWN = (
    "velocity_mm_s",
    "velocity_in_s",
    "rms",
    "anomaly",
    "rpm",
)  # that are there, where no level is asked for


def moment(unix_s: float, *, utc: bool) -> datetime.datetime:
    """In UTC or the local time zone."""
    time = datetime.datetime.fromtimestamp(unix_s, datetime.UTC)
    return time if utc else time.astimezone()


def show(history: History, level: str | None, *, utc: bool) -> None:
    """Prints a line a row: of each level the mean and, in parentheses, the largest value."""
    present = {name for point in history.points for name in point.summary.levels}
    names = [name for name in ((level,) if level else SHOWN) if name in present]
    lines = [["from", "channel", "measured", "fault", *(_title(n, history.unit) for n in names)]]
    lines += [_cells(point, names, utc=utc) for point in history.points]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for cells in lines:
        first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        print("  ".join([first, *rest]))
    print(f"mean (largest); times in {moment(history.points[-1].start_s, utc=utc).tzname()}")


def write_csv(history: History, level: str | None, *, utc: bool) -> None:
    """Prints every decision's count and every level's least, mean and largest value."""
    names = (level,) if level else LEVELS
    writer = csv.writer(sys.stdout, lineterminator="\n")
    titles = [f"{name}_{ending}" for name in names for ending in ("min", "mean", "max")]
    writer.writerow(["from", "channel", "unit", *DECISIONS, *titles])
    for point in history.points:
        summary = point.summary
        writer.writerow(
            [
                moment(point.start_s, utc=utc).isoformat(timespec="minutes"),
                point.channel,
                history.unit,
                *(summary.decisions.get(decision, 0) for decision in DECISIONS),
                *(cell for name in names for cell in _numbers(summary.levels.get(name))),
            ]
        )


def _numbers(level: Level | None) -> Iterator[str]:
    values = (None,) * 3 if level is None else (level.lowest, level.mean, level.highest)
    return ("" if value is None else f"{value:.6g}" for value in values)


def _title(name: str, unit: str) -> str:
    return f"{name} [{escape(unit)}]" if name in ("rms", "peak") else name


def _cells(point: Point, names: list[str], *, utc: bool) -> list[str]:
    summary = point.summary
    share = summary.decisions.get("fault", 0) / max(1, summary.measurements)
    return [
        moment(point.start_s, utc=utc).strftime("%Y-%m-%d %H:%M"),
        str(point.channel),
        str(summary.measurements),
        f"{share:.0%}",
        *(_cell(summary.levels.get(name)) for name in names),
    ]


def _cell(level: Level | None) -> str:
    return "-" if level is None else f"{level.mean:.4g} ({level.highest:.4g})"
