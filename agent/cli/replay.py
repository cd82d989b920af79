"""`replay`: scores a recording with the agent's pipeline and prints JSON lines."""

import argparse
import datetime

import msgspec

from agent.cli import recording_options
from agent.config.load import Config
from agent.config.validation import convert
from agent.core import logs
from agent.core.errors import UserError
from agent.pipeline.offline import named, recorded
from agent.service.daemon import Daemon


def define(parser: argparse.ArgumentParser) -> None:
    def replay(arguments: argparse.Namespace) -> int:
        logs.start(arguments.log_level)
        config = _replay_config(arguments)
        try:
            return Daemon(config).run()
        except UserError as error:
            if arguments.config is not None:
                raise
            raise recording_options.as_options(error) from None

    parser.add_argument("file", metavar="FILE", help="FLAC, WAV, NPY or CSV")
    recording_options.define(parser)
    parser.add_argument("--start", help="time of the first frame, ISO 8601; default: now")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=replay)


def _replay_config(arguments: argparse.Namespace) -> Config:
    """A configuration with the same pipeline as `run`, as fast as possible, to standard output."""
    if arguments.config is not None:
        return _of_source(arguments)
    others = {"path": arguments.file, "pace": "fast", "publish_windows": True, "measure_s": 0}
    start = {} if arguments.start is None else {"start": arguments.start}
    return recording_options.from_keys(arguments, **others, **start)


def _of_source(arguments: argparse.Namespace) -> Config:
    """The configured source with its signal from the file."""
    config = recording_options.printing(recording_options.from_file(arguments))
    start = None
    if arguments.start is not None:
        start = convert(arguments.start, datetime.datetime, "--start")
    source = recorded(named(config, arguments.source), arguments.file, start)
    common = msgspec.structs.replace(source.common, publish_windows=True)
    source = msgspec.structs.replace(source, common=common)
    return msgspec.structs.replace(config, sources=(source,))
