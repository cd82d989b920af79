"""The verbs of this package. `release` and `forms` rebuild the files of the zoo."""

import argparse
import sys

from models import command
from models.cli.evaluate import evaluate
from models.cli.export import export
from models.cli.forms import forms
from models.cli.quantize import quantize
from models.cli.release import release
from models.cli.train import train

__all__ = ["evaluate", "export", "quantize", "release", "train"]


def main() -> int:
    """Runs `python -m models VERB`."""
    return command.main(parser())


def parser() -> argparse.ArgumentParser:
    """The parser of the agent's verbs for models, and of `release` and `forms`."""
    parser = argparse.ArgumentParser(prog="python -m models")
    verbs = parser.add_subparsers(required=True)
    for verb in (train, export, quantize, evaluate, release, forms):
        verb(verbs.add_parser(verb.__name__))
    return parser


if __name__ == "__main__":
    sys.exit(main())
