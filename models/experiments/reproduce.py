"""Every table of trained networks anew, from nothing but recordings.

    python -m models.experiments.reproduce --data DATA [--quick]

One process a step, as many at once as there are processors; what is in `runs/` is not trained
again. Then the documents are written, or, with `--quick`, held against what was found.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.experiments.trials.__main__ import MANY_SEEDS

PAPER, TRIALS = (
    ("-m", "models.experiments.paper"),
    ("-m", "models.experiments.trials"),
)


def steps(data: Path, quick: bool) -> list[list[str]]:
    """What may run side by side, the longest first: arguments of Python."""
    given = ["--data", str(data)]
    if quick:
        return [[*module, "run", *given, "--quick"] for module in (PAPER, TRIALS)]
    seeds = [[*TRIALS, "run", *given, "--seeds", str(seed)] for seed in range(MANY_SEEDS)]
    return [[*PAPER, "run", *given], *seeds]


def run(step: Sequence[str]) -> None:
    subprocess.run([sys.executable, *step], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="where the data sets lie")
    parser.add_argument("--quick", action="store_true", help="some networks, held against the rest")
    chosen = parser.parse_args()
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, steps(chosen.data, chosen.quick)))
        for module in (PAPER, TRIALS):
            run([*module, "table", *["--quick"] * chosen.quick])
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
