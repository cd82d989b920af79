"""`doctor`: what is wrong with this box, and what to do."""

import argparse
from pathlib import Path

from agent import logs


def define(parser: argparse.ArgumentParser) -> None:
    def doctor(chosen: argparse.Namespace) -> int:
        from agent.doctor import examine

        logs.start("CRITICAL")  # what is logged elsewhere is told here
        wrong = 0
        for finding in examine(chosen.config):
            print(finding, flush=True)
            wrong += finding.state == "wrong"
        return 1 if wrong else 0

    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=doctor)
