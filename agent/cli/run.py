"""`run`: the agent itself."""

import argparse
import functools
from pathlib import Path

from agent.config import load as config
from agent.core import logs
from agent.service.daemon import Daemon


def define(parser: argparse.ArgumentParser) -> None:
    def run(chosen: argparse.Namespace) -> int:
        logs.start(chosen.log_level)
        load = functools.partial(config.load, chosen.config)
        return Daemon(load(), load).run()

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    logs.add_level(parser, "INFO")
    parser.set_defaults(run=run)
