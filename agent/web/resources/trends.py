"""`/api/trends`: how a source's levels went over days to years, and what happened meanwhile.

`/api/week` has an hourly mean of every source over the last week, for small pictures.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import msgspec

from agent.core.errors import ConditionError, UserError
from agent.core.time import iso
from agent.delivery.journal import journal_file
from agent.delivery.journal import reading as journal
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.reading import Selection
from agent.delivery.trends import reading, recorder, tables
from agent.delivery.trends.levels import LEVELS, OF_SOURCE
from agent.delivery.trends.reading import Point, Span
from agent.web.http.request import RefusedError, Request, Route
from agent.web.resources import sources as running
from agent.web.resources.rounding import short
from agent.web.resources.sources import Sources

SPANS: tuple[Span, ...] = get_args(Span)
MOST_POINTS = 2000  # of time, in an answer
MOST_EVENTS = 200  # the newest
WEEK_S = 7 * 86400
WEEK_EVERY_S = 60.0  # a box's history grows once a minute


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Of one level, a value each row; None where the level was not measured."""

    lowest: list[float | None]
    mean: list[float | None]
    highest: list[float | None]


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one channel, the oldest first; hours without a measurement have none."""

    unit: str  # of `rms` and `peak`
    span_s: int  # of a row
    starts_s: list[int]  # Unix time
    levels: dict[str, Values]
    decisions: list[dict[str, int]]  # how many measurements had each, a row each
    events: list[JournalEvent]  # the newest first


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """The last week of a source: of velocity, or of RMS where there is none."""

    level: str
    unit: str
    starts_s: list[int]
    means: list[float]


class Weeks(msgspec.Struct, frozen=True):
    """By source; one without a history is left out."""

    sources: dict[str, Week]


class _WeekReader:
    """Reads all sources' weeks once a minute, however many browsers ask."""

    def __init__(self, file: Path, sources: Sources) -> None:
        self._file = file
        self._sources = sources
        self._lock = threading.Lock()
        self._due_s = 0.0  # monotonic
        self._weeks = Weeks({})

    def weeks(self) -> Weeks:
        with self._lock:
            if time.monotonic() >= self._due_s:
                names = [pipeline.name for pipeline in self._sources.all()]
                found = {name: _week(self._file, name) for name in names}
                self._weeks = Weeks({name: week for name, week in found.items() if week})
                self._due_s = time.monotonic() + WEEK_EVERY_S
            return self._weeks


def routes(sources: Sources, state_dir: Path) -> list[Route]:
    reader = _WeekReader(state_dir / recorder.FILE, sources)
    one_at_a_time = threading.Lock()  # a year of minutes is tens of milliseconds

    def trend(request: Request) -> Trend:
        with one_at_a_time:
            return _trend(request, sources, state_dir)

    return [
        Route("GET", "/api/trends", trend),
        Route("GET", "/api/week", lambda _request: reader.weeks()),
    ]


def _trend(request: Request, sources: Sources, state_dir: Path) -> Trend:
    pipeline = sources.of(request)
    channel = running.channel(request, pipeline)
    span = cast(Span, request.choice("span", SPANS))
    span_s = tables.SPANS_S[span]
    to_s = request.seconds("to", time.time())
    from_s = request.seconds("from", to_s - min(WEEK_S, MOST_POINTS * span_s))
    if not 0 <= to_s - from_s <= MOST_POINTS * span_s:
        raise RefusedError(400, f"from: expected at most {MOST_POINTS} times {span} before `to`")
    names = _names(request)
    history = reading.read(state_dir / recorder.FILE, pipeline.name, span, from_s - span_s, to_s)
    rows = [point for point in history.points if point.channel == channel]
    first = rows if channel == 0 else [point for point in history.points if point.channel == 0]
    return Trend(
        unit=history.unit,
        span_s=span_s,
        starts_s=[row.start_s for row in rows],
        levels={name: _values(name, first if name in OF_SOURCE else rows) for name in names},
        decisions=[row.summary.decisions for row in rows],
        events=_events(state_dir, pipeline.name, from_s, to_s),
    )


def _names(request: Request) -> list[str]:
    names = request.query.get("levels", "velocity_mm_s").split(",")
    unknown = [name for name in names if name not in LEVELS]
    if unknown:
        expected = ", ".join(LEVELS)
        raise RefusedError(400, f"levels: found {unknown[0][:40]!r}, expected some of {expected}")
    return list(dict.fromkeys(names))


def _values(name: str, rows: Sequence[Point]) -> Values:
    levels = [row.summary.levels.get(name) for row in rows]
    return Values(
        lowest=[None if level is None else short(level.lowest) for level in levels],
        mean=[None if level is None else short(level.mean) for level in levels],
        highest=[None if level is None else short(level.highest) for level in levels],
    )


def _events(state_dir: Path, source: str, from_s: float, to_s: float) -> list[JournalEvent]:
    selection = Selection(source=source, since=iso(from_s), until=iso(to_s), most=MOST_EVENTS)
    try:
        return journal.read(state_dir / journal_file.FILE, selection)
    except ConditionError:  # nothing has happened yet
        return []


def _week(file: Path, source: str) -> Week | None:
    try:
        history = reading.read(file, source, "hour", time.time() - WEEK_S)
    except UserError:  # no measurement yet
        return None
    rows = [point for point in history.points if point.channel == 0]
    velocity = any("velocity_mm_s" in row.summary.levels for row in rows)
    level = "velocity_mm_s" if velocity else "rms"
    means = {
        row.start_s: row.summary.levels[level].mean for row in rows if level in row.summary.levels
    }
    return Week(
        level=level,
        unit="mm/s" if velocity else history.unit,
        starts_s=list(means),
        means=[short(mean) for mean in means.values()],
    )
