"""The command and its exit codes. Verbs of other packages (train, export ...) are entry points."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING

from agent import __version__, cli
from agent.core import logs
from agent.core.errors import CONDITION, SourceError, UserError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

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
        parser = _parser(words)
        parsed, unknown = parser.parse_known_args(words)
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{_hint(parsed, unknown)}")
        return parsed
    finally:
        gc.enable()


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for that command line. It loads the verb that is used and no other."""
    requested = words[0] if words else None
    return parser({requested} if requested else set(), others=requested not in cli.SUMMARIES)


def parser(defined: Container[str], *, others: bool = True) -> argparse.ArgumentParser:
    """The command's parser, in which the verbs of `defined` have their arguments.

    `others`: with the verbs of other packages.
    """
    command = argparse.ArgumentParser("drsn-agent", description=_first_line(sys.modules["agent"]))
    command.add_argument("--version", action="version", version=__version__)
    verbs = command.add_subparsers(required=True, metavar="VERB")
    for name, summary in cli.SUMMARIES.items():
        verb = verbs.add_parser(name, help=summary, description=summary)
        if name in defined:
            cli.define(name, verb)
    for point in _entry_points() if others else ():
        define = point.load()
        summary = _first_line(define)
        verb = verbs.add_parser(point.name, help=summary, description=summary)
        if point.name in defined:
            define(verb)
    return command


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the arguments of every verb."""
    return parser({*cli.SUMMARIES, *(point.name for point in _entry_points())})


def _hint(parsed: argparse.Namespace, unknown: Sequence[str]) -> str:
    """What to write where a configuration's name stands alone."""
    files = [word for word in unknown if word.endswith((".yaml", ".yml"))]
    return f" (write --config {files[0]})" if files and hasattr(parsed, "config") else ""


def verbs_of(command: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """The parser of each verb, and its summary."""
    (verbs,) = (item for item in command._actions if isinstance(item, argparse._SubParsersAction))
    for listed in verbs._choices_actions:
        yield verbs.choices[listed.dest], listed.help or ""


def _entry_points() -> "EntryPoints":
    from importlib.metadata import entry_points

    return entry_points(group="drsn_agent.verbs")


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0].rstrip(".")
