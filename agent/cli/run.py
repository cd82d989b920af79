"""`run`: runs the agent."""

import argparse
import functools
import logging
from collections.abc import Sequence
from pathlib import Path

from agent.cli import config_option
from agent.config import advice, load
from agent.config.load import Config
from agent.core import logs
from agent.service.daemon import Daemon
from agent.service.observer import Observer

log = logging.getLogger("drsn")


def define(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        logs.start(arguments.log_level)
        read = functools.partial(load.load, arguments.config)
        config = read()
        for note in advice.notes(config):
            log.warning("%s", note)
        return Daemon(config, reread=read, observers=observers(config, arguments.config)).run()

    config_option.define(parser)
    logs.add_level(parser, "INFO")
    parser.set_defaults(run=run)


def observers(config: Config, file: Path) -> Sequence[Observer]:
    """The page, where it is configured; its code is loaded only then."""
    if config.page is None:
        return ()
    from agent.web.site import Site

    state_dir = Path(config.agent.state_dir)
    return (Site(config.page, config.agent.id, state_dir, configuration=file),)
