"""`check`: reads a configuration, loads its models and opens its sources; starts nothing."""

import argparse

from agent.cli import config_option
from agent.config import advice, load
from agent.pipeline import build


def define(parser: argparse.ArgumentParser) -> None:
    def check(arguments: argparse.Namespace) -> int:
        config = load.load(arguments.config)
        for pipeline in build.build_pipelines(config):
            pipeline.reader.close()
            print(f"{pipeline.name}: {pipeline.describe()}")
        for note in advice.notes(config):
            print(f"note: {note}")
        print(f"{arguments.config}: ok")
        return 0

    config_option.define(parser)
    parser.set_defaults(run=check)
