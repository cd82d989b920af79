"""`model`: what a model file says of itself."""

import argparse
from pathlib import Path

import msgspec

from agent.config import load
from agent.control.rollout import status
from agent.inference import classifier, zoo


def define(parser: argparse.ArgumentParser) -> None:
    def model(chosen: argparse.Namespace) -> int:
        if chosen.name is None:
            print("\n".join(zoo.released()))
            return 0
        if chosen.config is not None:
            print(status.standing(Path(load.load(chosen.config).agent.state_dir), chosen.name))
            return 0
        file = zoo.find(chosen.name)
        described = classifier.load(file)
        contract = msgspec.to_builtins(described.contract) | {
            "file": str(file),
            "sha256": described.sha256,
        }
        print(msgspec.json.format(msgspec.json.encode(contract), indent=2).decode())
        return 0

    parser.add_argument(
        "name", nargs="?", help="a name in the zoo or an .onnx file; none: the names"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="tell which file an agent runs under that name"
    )
    parser.set_defaults(run=model)
