"""`drsn-agent quantize`."""

import argparse
from pathlib import Path

from models.cli import read_recordings
from models.command import needs_torch, say
from models.data import recipe as recipes


def quantize(parser: argparse.ArgumentParser) -> None:
    """Defines the arguments of `quantize`."""
    parser.add_argument("model", type=Path, help="float .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="its training recordings")
    parser.add_argument(
        "--recipe",
        type=Path,
        help="its recipe; --data is then the folder of the recipe's data sets",
    )
    parser.add_argument("--out", type=Path, required=True, help=".onnx file to write")
    read_recordings.add(parser)
    read_recordings.add_rate(parser)
    parser.set_defaults(run=needs_torch(_run))


def _run(arguments: argparse.Namespace) -> int:
    from models.export import quantize

    contract = quantize.float_contract(arguments.model)
    if arguments.recipe:
        recipe, root = recipes.load(arguments.recipe), arguments.data
    else:
        recipe = quantize.recipe_of(contract, read_recordings.source(arguments, contract.channels))
        root = read_recordings.folder(arguments.data).parent
    quantize.quantize_file(arguments.model, contract, recipe, root, arguments.out)
    say(f"wrote {arguments.out}")
    return 0
