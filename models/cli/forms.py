"""`python -m models forms`, for the zoo."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from models.command import needs_torch, say
from models.data import recipe as recipes

if TYPE_CHECKING:
    from models.export.forms import Scoring


def forms(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `forms`."""
    parser.add_argument("model", type=Path, help="the released INT8 file")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recipe's data sets")
    parser.add_argument(
        "--float",
        type=Path,
        dest="float32",
        metavar="FILE",
        help="the float form as exported (default: the one in variants/ beside the model)",
    )
    parser.add_argument("--speech", action="store_true", help="a network of spoken words")
    parser.set_defaults(run=needs_torch(_run))


def _run(arguments: argparse.Namespace) -> int:
    from agent.inference import variant_files
    from models.export.forms import write_released

    if arguments.float32 is not None:
        source = variant_files.in_zoo(arguments.model, "float")
        source.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(arguments.float32, source)
    recipe = recipes.load(arguments.recipe)
    scoring = _scoring(arguments.speech)
    write_released(arguments.model, recipe, arguments.data, scoring, say)
    return 0


def _scoring(speech: bool) -> "Scoring":
    from models.export.forms import VIBRATION, Scoring

    if not speech:
        return VIBRATION
    from models.speech import corpus, evaluation

    return Scoring(corpus.training, evaluation.figures)
