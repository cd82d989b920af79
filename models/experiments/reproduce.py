"""Makes every table of trained networks again, from the recordings alone.

    python -m models.experiments.reproduce --data DATA [--quick | --smoke]

Each step is a process; as many run at once as there are processors. Networks whose results are in
`runs/` are not trained again. Then the documents are written. `--quick` trains a few networks and
compares their figures with the documents. `--smoke` only shows that every step runs.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models import command
from models.experiments.trials.plan import MANY_SEEDS

PAPER, TRIALS, UNSEEN = (
    ("-m", "models.experiments.paper"),
    ("-m", "models.experiments.trials"),
    ("-m", "models.experiments.unseen"),
)


def steps(data: Path, size: Sequence[str]) -> list[list[str]]:
    """Python's arguments for the steps that may run at once, the longest first.

    `size` holds the option for a smaller run, or nothing.
    """
    common = ["--data", str(data), *size]
    if size:
        return [[*module, "run", *common] for module in (PAPER, TRIALS)]
    seeds = [[*TRIALS, "run", *common, "--seeds", str(seed)] for seed in range(MANY_SEEDS)]
    return [[*PAPER, "run", *common], *seeds]


def run(step: Sequence[str]) -> None:
    """Runs one step on one thread; raises CalledProcessError where it fails."""
    subprocess.run([sys.executable, *step], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.reproduce`."""
    parser = argparse.ArgumentParser(
        prog="python -m models.experiments.reproduce", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few networks, compared with the rest")
    size.add_argument("--smoke", action="store_true", help="a few steps, to show that it runs")
    parser.set_defaults(run=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    size = [f"--{name}" for name in ("quick", "smoke") if getattr(arguments, name)]
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, steps(arguments.data, size)))
        for module in (PAPER, TRIALS):
            run([*module, "table", *size])
        if not arguments.smoke:
            run([*UNSEEN, "--data", str(arguments.data), *size])
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
