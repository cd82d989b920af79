"""`check`: what a configuration would run, and nothing is started."""

import argparse
from pathlib import Path

from agent.acquisition.timestamps import WallClock
from agent.config import load
from agent.pipeline import build


def define(parser: argparse.ArgumentParser) -> None:
    def check(chosen: argparse.Namespace) -> int:
        loaded = load.load(chosen.config)
        for lane in build.build(loaded, lambda: None, WallClock()):
            lane.intake.close()
            print(f"{lane.name}: {lane.told()}")
        print(f"{chosen.config}: ok")
        return 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=check)
