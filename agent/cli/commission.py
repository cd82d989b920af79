"""`commission`: the baseline of one source."""

import argparse
import functools
from pathlib import Path

from agent.config import load
from agent.core import logs
from agent.core.errors import UserError


def define(parser: argparse.ArgumentParser) -> None:
    def commission(chosen: argparse.Namespace) -> int:
        from agent.jobs.commission import commission

        for key in ("minutes", "false_alarms_per_month"):
            if not getattr(chosen, key) > 0:
                found = getattr(chosen, key)
                raise UserError(f"--{key.replace('_', '-')}: found {found}, expected more than 0")
        logs.start(chosen.log_level)
        file = commission(
            load.load(chosen.config),
            chosen.source,
            chosen.minutes,
            chosen.recordings,
            chosen.false_alarms_per_month,
            functools.partial(print, flush=True),
        )
        print(f"wrote {file}")
        return 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--source", required=True, metavar="NAME", help="in the configuration")
    parser.add_argument("--minutes", type=float, default=30.0, help="of sound signal (%(default)g)")
    parser.add_argument(
        "--recordings", nargs="+", default=[], metavar="PATH", help="instead of the live source"
    )
    parser.add_argument("--false-alarms-per-month", type=float, default=1.0, help="%(default)g")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=commission)
