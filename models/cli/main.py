"""The verbs of this package. `release`, `recalibrate` and `forms` rebuild files of the zoo."""

import argparse
import importlib
import sys
from collections.abc import Callable

from models import command

Define = Callable[[argparse.ArgumentParser], None]

SUMMARIES = {
    "train": "Train an INT8 model from recordings, one folder for each label, and report on it",
    "export": "Write a trained network as one float ONNX file",
    "quantize": "Write the INT8 form of a float ONNX file",
    "evaluate": "Measure a model file on recordings, in every noise: JSON, HTML report and charts",
    "release": "Rebuild a released network and its card from the recipe",
    "recalibrate": "Fit temperature and distance of a released network anew, without training",
    "forms": "Write the other forms of a released network: float, INT8 weights, INT8 with 8 bits",
}


def _verb(name: str) -> Define:
    """Defines a verb's arguments; loads its module only then."""

    def define(parser: argparse.ArgumentParser) -> None:
        getattr(importlib.import_module(f"models.cli.{name}"), name)(parser)

    define.__doc__ = SUMMARIES[name]
    return define


train, export, quantize, evaluate, release, recalibrate, forms = map(_verb, SUMMARIES)


def main() -> int:
    """Runs `python -m models VERB`."""
    return command.main(parser())


def parser() -> argparse.ArgumentParser:
    """The parser of the agent's verbs for models, and of those for the zoo."""
    parser = argparse.ArgumentParser(prog="python -m models")
    verbs = parser.add_subparsers(required=True)
    for name, summary in SUMMARIES.items():
        _verb(name)(verbs.add_parser(name, help=summary, description=summary))
    return parser


if __name__ == "__main__":
    sys.exit(main())
