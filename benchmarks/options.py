"""The command line that the benchmarks share."""

import argparse
import logging
import warnings
from collections.abc import Sequence
from typing import TypeVar

from benchmarks.document import PERFORMANCE

QUICK_ROUNDS = 2  # without which there are no quartiles

Item = TypeVar("Item")


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """With `--quick`, which every benchmark has."""
    made = argparse.ArgumentParser(f"python -m benchmarks.{module}", description=description)
    made.add_argument(
        "--quick",
        action="store_true",
        help="runs in seconds: shows that the benchmark works, its figures mean nothing",
    )
    return made


def parse(module: str, description: str | None) -> argparse.Namespace:
    """`quick`, and `write`: whether the table goes into the document too. Exporters' own warnings
    stay out of what is printed."""
    made = parser(module, description)
    made.add_argument("--write", action="store_true", help=f"into docs/{PERFORMANCE.name}")
    options = made.parse_args()
    refuse_both(made, options)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    return options


def refuse_both(made: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """No document holds the figures of a quick run."""
    if options.quick and options.write:
        made.error("found --quick with --write, expected one of them")


def rounds(full: int, quick: bool) -> int:
    return QUICK_ROUNDS if quick else full


def first(items: Sequence[Item], quick: bool, few: int = 1) -> Sequence[Item]:
    """All items, or of a quick run the first few."""
    return items[:few] if quick else items
