"""`python -m models release`, for the zoo."""

import argparse
from pathlib import Path

from models.command import needs_torch, say
from models.data import recipe as recipes


def release(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `release`."""
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recipe's data sets")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="checkpoints (%(default)s)")
    parser.add_argument("--out", type=Path, help=".onnx file to write (beside the recipe)")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="trains nothing anew: measures the released files, and writes figures and card",
    )
    parser.set_defaults(run=needs_torch(_run))


def _run(arguments: argparse.Namespace) -> int:
    from models.release.release import measure_again, release

    recipe = recipes.load(arguments.recipe)
    out = arguments.out or arguments.recipe.with_suffix(".onnx")
    make = measure_again if arguments.measure else release
    make(recipe, arguments.data, arguments.work / recipe.name, out, say)
    say(f"wrote {out} and its card")
    return 0
