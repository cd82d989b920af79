"""`model`: the contract of a model file, or which file an agent runs."""

import argparse
from pathlib import Path

import msgspec

from agent.config import load
from agent.control.rollout import status
from agent.inference import classifier, zoo


def define(parser: argparse.ArgumentParser) -> None:
    def model(arguments: argparse.Namespace) -> int:
        if arguments.name is None:
            print("\n".join(zoo.released()))
            return 0
        if arguments.config is not None:
            print(
                status.describe(Path(load.load(arguments.config).agent.state_dir), arguments.name)
            )
            return 0
        file = zoo.find(arguments.name)
        network = classifier.load(file)
        contract = msgspec.to_builtins(network.contract) | {
            "file": str(file),
            "sha256": network.sha256,
        }
        print(msgspec.json.format(msgspec.json.encode(contract), indent=2).decode())
        return 0

    parser.add_argument(
        "name", nargs="?", help="a name in the zoo or an .onnx file; none: the names"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="show which file an agent runs under that name"
    )
    parser.set_defaults(run=model)
