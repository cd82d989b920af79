"""The journal as a table for people, and as JSON lines for programs."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.cli.history_table import moment
from agent.config.load import Config
from agent.core import state_directory
from agent.core.alarms import Standing
from agent.core.logs import escape
from agent.core.time import unix_s
from agent.delivery.journal import journal_file, reading
from agent.delivery.journal.events import JournalEvent, Kind
from agent.delivery.journal.reading import Selection

ALARMS: tuple[Kind, ...] = ("alarm", "maintenance")


def show(config: Config, arguments: argparse.Namespace) -> int:
    """Prints how each source stands, then the events, the oldest first."""
    folder = Path(config.agent.state_dir)
    path = folder / journal_file.FILE
    kinds = () if arguments.all else ALARMS
    selection = Selection(source=arguments.source, kinds=kinds, most=arguments.most)
    with state_directory.as_owner(folder):
        events = reading.read(path, selection)[::-1]
        standings = reading.standings(path)
    if arguments.json:
        for event in events:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
        return 0
    names = [source.common.name for source in config.sources]
    for name in names if arguments.source is None else [arguments.source]:
        for line in _standing(name, standings.get(name, Standing()), utc=arguments.utc):
            print(line)
    _table(events, utc=arguments.utc)
    return 0


def _standing(name: str, standing: Standing, *, utc: bool) -> Iterator[str]:
    basis, maintenance = standing.basis, standing.maintenance
    if basis is None:
        yield f"{name}: no alarm"
    else:
        gone = "" if basis.active else "; its cause has gone"
        seen = "acknowledged" if standing.acknowledged else "not acknowledged"
        by = "" if basis.acknowledged_by is None else f" by {escape(basis.acknowledged_by)}"
        yield f"{name}: {standing.alarm} since {_local(basis.since, utc)}, {seen}{by}{gone}"
    if maintenance is not None:
        until = "" if maintenance.until is None else f" until {_local(maintenance.until, utc)}"
        yield f"{name}: in maintenance since {_local(maintenance.since, utc)}{until}"


def _table(events: list[JournalEvent], *, utc: bool) -> None:
    lines = [["id", "time", "source", "decision", "alarm", "what"]]
    for event in events:
        time = _local(event.t, utc)
        decision = event.decision if event.fault in (None, event.decision) else event.fault
        what = "; ".join([event.sentence, *_annotations(event)])
        line = [str(event.id), time, event.source, decision, event.alarm, what]
        lines.append([escape(str(cell)) for cell in line])
    widths = [max(len(line[at]) for line in lines) for at in range(5)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line[:5], widths, strict=True)]
        print("  ".join([*cells, line[5]]).rstrip())


def _annotations(event: JournalEvent) -> Iterator[str]:
    if event.acknowledged_at is not None:
        by = "" if event.acknowledged_by is None else f" by {event.acknowledged_by}"
        yield f"acknowledged{by}"
    if event.label is not None:
        yield f"label {event.label}"
    if event.comment is not None:
        yield f'"{event.comment}"'


def _local(time: str, utc: bool) -> str:
    return f"{moment(unix_s(time), utc=utc):%Y-%m-%d %H:%M:%S}"
