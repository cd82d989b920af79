"""What experiments share: a file of results with a line for each run, and runs of a smaller size.

A quick run trains a little and compares its figures with the committed document. A smoke run only
shows that the commands work. Both write to folders of their own, from nothing.
"""

import argparse
import json
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.core.errors import UserError
from models.command import say

QUICK, SMOKE = Path("runs/quick"), Path("runs/smoke")

Parser = argparse.ArgumentParser
Run = TypeVar("Run", bound=msgspec.Struct)


def load(path: Path, kind: type[Run]) -> list[Run]:
    """All runs in a file of results; none where there is no file."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=kind) for line in lines]


def needed(path: Path, kind: type[Run], command: str) -> list[Run]:
    """All runs in a file of results; raises UserError where there is none yet."""
    runs = load(path, kind)
    if not runs:
        raise UserError(f"{path}: found no results, expected those of `{command} run`")
    return runs


def append(path: Path, run: msgspec.Struct, line: str) -> None:
    """Adds a run to a file of results, and prints `line`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(msgspec.to_builtins(run)) + "\n")
    say(line)


def command_line(module: str, doc: str) -> tuple[Parser, Parser, Parser]:
    """The parser of an experiment and its verbs, `run` and `table`, which may be quick or smoke."""
    prog = f"python -m {module}"
    parser = argparse.ArgumentParser(prog=prog, description=doc.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="train and evaluate; continues where it was stopped")
    tabled = verbs.add_parser("table", help="write the document")
    for verb in (running, tabled):
        size = verb.add_mutually_exclusive_group()
        size.add_argument("--quick", action="store_true", help="little, compared with the document")
        size.add_argument("--smoke", action="store_true", help="least, to show that it runs")
    return parser, running, tabled


def smaller(arguments: argparse.Namespace) -> Path | None:
    """The folder of a quick or a smoke run; None for a whole one."""
    if arguments.quick:
        return QUICK
    return SMOKE if arguments.smoke else None


def start(arguments: argparse.Namespace, results: Path) -> Path:
    """The file that a run adds to: a smaller run always starts from nothing."""
    folder = smaller(arguments)
    if folder is None:
        return results
    (folder / results.name).unlink(missing_ok=True)
    return folder / results.name
