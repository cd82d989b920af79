"""The command and its exit codes. Verbs of other packages (train, export ...) are entry points."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence

from agent import __version__, cli
from agent.core import logs
from agent.core.errors import CONDITION, SourceError, UserError

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parsed = _parsed(words)
        run: Run = parsed.run
        return run(parsed)
    except (UserError, SourceError) as error:
        print(f"drsn-agent: {logs.escape(' '.join(str(error).split()))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of standard output has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what the system refuses, wherever it was asked
        if not isinstance(error.filename, str | bytes | os.PathLike):
            raise
        name = logs.escape(os.fsdecode(error.filename))
        print(f"drsn-agent: {name}: {error.strerror}", file=sys.stderr)
        return CONDITION
    except KeyboardInterrupt:
        return 130


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """The arguments. What loading makes is no garbage, so the collector waits meanwhile."""
    gc.disable()
    try:
        return _parser(words).parse_args(words)
    finally:
        gc.enable()


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for that command line. It loads the verb that is used and no other."""
    parser = argparse.ArgumentParser("drsn-agent", description=_first_line(sys.modules["agent"]))
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    requested = words[0] if words else None
    for name, summary in cli.SUMMARIES.items():
        verb = verbs.add_parser(name, help=summary, description=summary)
        if requested == name:
            cli.define(name, verb)
    if requested in cli.SUMMARIES:
        return parser
    from importlib.metadata import entry_points

    for point in entry_points(group="drsn_agent.verbs"):
        define = point.load()
        summary = _first_line(define)
        verb = verbs.add_parser(point.name, help=summary, description=summary)
        if requested == point.name:
            define(verb)
    return parser


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0].rstrip(".")
