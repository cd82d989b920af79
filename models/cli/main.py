"""The verbs of this package; `python -m models release` rebuilds what is in the zoo."""

import argparse
import sys

from agent.core.errors import UserError
from models.cli.evaluate import evaluate
from models.cli.export import export
from models.cli.quantize import quantize
from models.cli.release import release
from models.cli.train import train

__all__ = ["evaluate", "export", "quantize", "release", "train"]


def main() -> int:
    """`python -m models VERB`: the agent's verbs, and `release`."""
    parser = argparse.ArgumentParser(prog="python -m models")
    verbs = parser.add_subparsers(required=True)
    for verb in (train, export, quantize, evaluate, release):
        verb(verbs.add_parser(verb.__name__))
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
