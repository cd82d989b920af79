"""`check`: what a configuration would run, and nothing is started."""

import argparse
from pathlib import Path

from agent.config import load
from agent.pipeline import build


def define(parser: argparse.ArgumentParser) -> None:
    def check(arguments: argparse.Namespace) -> int:
        loaded = load.load(arguments.config)
        for pipeline in build.build_pipelines(loaded):
            pipeline.reader.close()
            print(f"{pipeline.name}: {pipeline.describe()}")
        print(f"{arguments.config}: ok")
        return 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=check)
