"""`doctor`: reports what is wrong with this machine, and what to do."""

import argparse
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.cli import config_option
from agent.config import load
from agent.core import logs
from agent.core.errors import UserError

if TYPE_CHECKING:
    from agent.jobs.finding import Finding


def define(parser: argparse.ArgumentParser) -> None:
    def doctor(arguments: argparse.Namespace) -> int:
        from agent.jobs.doctor_checks import examine

        logs.start("CRITICAL")  # the findings say what would be logged
        wrong = 0
        for finding in itertools.chain(examine(arguments.config), _benchmark(arguments)):
            print(finding, flush=True)
            wrong += finding.state == "wrong"
        return 1 if wrong else 0

    config_option.define(parser)
    parser.add_argument(
        "--bench",
        action="store_true",
        help="time the forms of each model here; what is fastest and agrees is kept for `run`",
    )
    parser.set_defaults(run=doctor)


def _benchmark(arguments: argparse.Namespace) -> "Iterator[Finding]":
    """Findings of `--bench`; none where the configuration cannot be read: reported already."""
    from agent.jobs import variant_benchmark

    try:
        config = load.load(arguments.config)
    except UserError:
        return
    if arguments.bench:
        yield from variant_benchmark.examine(config)
