"""`commission`: the baseline of one source."""

import argparse
import functools
import math

from agent.cli import config_option
from agent.config import load
from agent.core import logs
from agent.core.errors import UserError


def define(parser: argparse.ArgumentParser) -> None:
    config_option.define(parser)
    parser.add_argument("--source", required=True, metavar="NAME", help="in the configuration")
    parser.add_argument("--minutes", type=float, default=30.0, help="of sound signal (%(default)g)")
    parser.add_argument(
        "--recordings", nargs="+", default=[], metavar="PATH", help="instead of the live source"
    )
    parser.add_argument("--false-alarms-per-month", type=float, default=1.0, help="%(default)g")
    parser.add_argument(
        "--extend", action="store_true", help="adds to the baseline that is there, never narrows it"
    )
    parser.add_argument("--rpm", type=float, help="speed of the recordings")
    parser.add_argument("--condition", metavar="NAME", help="condition of the recordings")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=_commission)


def _commission(arguments: argparse.Namespace) -> int:
    from agent.jobs.commission import Request, commission

    for key in ("minutes", "false_alarms_per_month", "rpm"):
        value = getattr(arguments, key)
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"--{key.replace('_', '-')}: found {value}, expected more than 0")
    for key in ("rpm", "condition"):
        if getattr(arguments, key) is not None and not arguments.recordings:
            raise UserError(f"--{key}: found no --recordings beside it, expected them")
    logs.start(arguments.log_level)
    request = Request(
        arguments.source,
        arguments.minutes,
        arguments.recordings,
        arguments.false_alarms_per_month,
        arguments.extend,
        arguments.rpm,
        arguments.condition,
    )
    file = commission(load.load(arguments.config), request, functools.partial(print, flush=True))
    print(f"wrote {file}")
    return 0
