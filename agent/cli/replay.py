"""`replay`: scores recordings as the agent does: a table with a verdict, a page, or JSON lines."""

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.cli import recording_options, replay_table
from agent.config.load import Config
from agent.config.validation import convert
from agent.core import logs
from agent.core.errors import SourceError, UserError
from agent.pipeline.offline import named, recorded
from agent.service.daemon import Daemon

INTERRUPTED = 130
PAGES = (".html", ".htm")  # so that a slip of the command line overwrites no recording

Replay = Callable[[str, Config], int]  # a file, how it is scored; the exit code


def define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="FLAC, WAV, NPY, CSV, MAT, TDMS ..."
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a line a window and a change of state")
    form.add_argument("--table", action="store_true", help="for people; the default in a terminal")
    form.add_argument("--html", type=Path, metavar="FILE", help="a page with charts, and the table")
    recording_options.define(parser)
    parser.add_argument("--start", help="time of the first frame, ISO 8601; default: now")
    logs.add_level(parser, "WARNING")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    logs.start(arguments.log_level)
    if not _for_people(arguments):
        return _replay_all(arguments, _Lines(several=len(arguments.files) > 1))
    if arguments.html is not None and arguments.html.suffix.lower() not in PAGES:
        raise UserError(f"--html: found {arguments.html}, expected a name that ends in .html")
    tables = replay_table.Tables(arguments.html)
    try:
        return _replay_all(arguments, tables)
    finally:
        tables.write_page()


def _for_people(arguments: argparse.Namespace) -> bool:
    """Whoever reads from a pipe or a file keeps getting JSON lines, as before there was a table."""
    asked_for = arguments.table or arguments.html is not None
    return asked_for or (sys.stdout.isatty() and not arguments.json)


def _replay_all(arguments: argparse.Namespace, replay: Replay) -> int:
    """Replays one file after another. A failure of one is told, and the others go on."""
    exit_codes = set()
    for file in arguments.files:
        try:
            exit_code = replay(file, _config(arguments, file))
        except (UserError, SourceError) as error:
            mistake = error if arguments.config else recording_options.as_options(error)
            if len(arguments.files) == 1:
                raise mistake from None
            print(f"drsn-agent: {_with_name(file, mistake)}", file=sys.stderr)
            exit_code = mistake.exit_code
        if exit_code == INTERRUPTED:
            return INTERRUPTED
        exit_codes.add(exit_code)
    return min(exit_codes - {0}, default=0)


class _Lines:
    """JSON lines: what the agent would publish. A line before each of several names its file."""

    def __init__(self, several: bool) -> None:
        self._several = several

    def __call__(self, file: str, config: Config) -> int:
        daemon = Daemon(config)
        if self._several:
            print(json.dumps({"recording": file}), flush=True)
        exit_code = daemon.run()
        return INTERRUPTED if self._several and daemon.signalled else exit_code


def _with_name(file: str, error: UserError | SourceError) -> str:
    text = " ".join(str(error).split())
    return logs.escape(text if file in text else f"{file}: {text}")


def _config(arguments: argparse.Namespace, file: str) -> Config:
    """A configuration with the same pipeline as `run`, as fast as possible, to standard output."""
    if arguments.config is not None:
        return _of_source(arguments, file)
    others = {"path": file, "pace": "fast", "publish_windows": True, "measure_s": 0}
    start = {} if arguments.start is None else {"start": arguments.start}
    return recording_options.from_keys(arguments, **others, **start)


def _of_source(arguments: argparse.Namespace, file: str) -> Config:
    """The configured source with its signal from the file."""
    config = recording_options.printing(recording_options.from_file(arguments))
    start = None
    if arguments.start is not None:
        start = convert(arguments.start, datetime.datetime, "--start")
    source = recorded(named(config, arguments.source), file, start)
    common = msgspec.structs.replace(source.common, publish_windows=True)
    source = msgspec.structs.replace(source, common=common)
    return msgspec.structs.replace(config, sources=(source,))
