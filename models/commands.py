"""The verbs of this package; `python -m models.commands release` rebuilds what is in the zoo."""

import argparse
import sys

from agent.core.errors import UserError
from models.verbs.evaluate import evaluate
from models.verbs.export import export
from models.verbs.quantize import quantize
from models.verbs.release import release
from models.verbs.train import train

__all__ = ["evaluate", "export", "quantize", "release", "train"]


def main() -> int:
    """`python -m models.commands VERB`: the agent's verbs, and `release`."""
    parser = argparse.ArgumentParser(prog="python -m models.commands")
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
