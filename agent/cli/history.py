"""`history`: what a source's levels were, by the day, hour or minute, and where they lead.

It reads beside a running agent.
"""

import argparse
import contextlib
import time
from pathlib import Path

from agent.cli import config_option, history_forecast, history_table, units_option
from agent.config import load
from agent.config.load import Config
from agent.core import state_directory
from agent.core.bearing import MachineClass
from agent.core.errors import UserError
from agent.delivery.trends import reading, recorder, tables
from agent.delivery.trends.levels import LEVELS

DAY_S = 86400.0
FEW_DAYS = 2.0  # up to that many, a row is an hour


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="its name in the configuration")
    config_option.define(parser)
    parser.add_argument("--days", type=_days, default=30.0, help="back from now (30)")
    parser.add_argument(
        "--per", choices=tables.SPANS_S, help="a row is of so much time (a day; an hour for 2 days)"
    )
    parser.add_argument(
        "--level",
        type=units_option.metric,
        choices=LEVELS,
        metavar="LEVEL",
        help=f"one alone, of {', '.join(LEVELS)}",
    )
    parser.add_argument("--csv", action="store_true", help="every level, for spreadsheets")
    parser.add_argument("--utc", action="store_true", help="times in UTC, not the local time zone")
    units_option.define(parser)
    parser.set_defaults(run=_run)


def _days(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (days := float(text)) <= 36525:
            return days
    raise argparse.ArgumentTypeError(f"found {text!r}, expected a number above 0, at most 36525")


def _run(arguments: argparse.Namespace) -> int:
    config = load.load(arguments.config)
    folder = Path(config.agent.state_dir)
    per: reading.Span = arguments.per or ("hour" if arguments.days <= FEW_DAYS else "day")
    now_s, file = time.time(), folder / recorder.FILE
    newest_s = now_s - (history_forecast.DAYS + 1) * DAY_S
    with state_directory.as_owner(folder):
        history = reading.read(file, arguments.source, per, _begin(now_s, arguments.days, per))
        daily = reading.read(file, arguments.source, "day", newest_s)
    if not history.points:
        days = f"{arguments.days:g} days"
        raise UserError(f"history: found no measurement in {days}, expected some: a longer --days?")
    level, utc = arguments.level, arguments.utc
    if arguments.csv:
        history_table.write_csv(history, level, utc=utc)
        return 0
    history, daily = (units_option.history(item, arguments.units) for item in (history, daily))
    level = level and units_option.level(level, arguments.units)
    history_table.show(history, level, utc=utc)
    machine_class = _machine_class(config, arguments.source)
    for line in history_forecast.lines(daily, level, machine_class, now_s, utc=utc):
        print(line)
    return 0


def _begin(now_s: float, days: float, per: reading.Span) -> float:
    """The first row's time: so far back, and at its begin."""
    span_s = tables.SPANS_S[per]
    return (now_s - days * DAY_S) // span_s * span_s


def _machine_class(config: Config, source: str) -> MachineClass | None:
    classes = [item.common.machine_class for item in config.sources if item.common.name == source]
    return classes[0] if classes else None
