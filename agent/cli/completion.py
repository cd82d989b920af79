"""`completion`: the shell's completion of this command, made from its parser."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from agent.cli import main

SHELLS = ("bash", "zsh", "fish")
# Values that are names of files, by what the help calls them or where the parser puts them.
FILES = ("BUNDLE", "DIR", "FILE", "MODEL", "MODEL.onnx", "PATH", "PATTERN")
DESTINATIONS = ("model", "recording", "recordings")


def define(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        print(script(arguments.shell))
        return 0

    parser.add_argument("shell", choices=SHELLS, help="whose script is printed")
    parser.set_defaults(run=run)


def script(shell: str) -> str:
    """The completion script of `bash`, `zsh` or `fish`: verbs, options, choices, files."""
    parser = main.whole_parser()
    for verb, summary in main.verbs_of(parser):
        verb.description = summary  # what shtab shows beside a verb
    for action in _actions(parser):
        if _names_a_file(action):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if isinstance(action.choices, dict) and not isinstance(action, argparse._SubParsersAction):
            action.choices = tuple(action.choices)  # shtab takes a mapping for verbs
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a parser and of its verbs."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from _actions(verb)


def _names_a_file(action: argparse.Action) -> bool:
    named = action.metavar in FILES or action.dest in DESTINATIONS
    return action.choices is None and action.nargs != 0 and (action.type is Path or named)
