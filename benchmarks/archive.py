"""`python -m benchmarks.archive [--data FOLDER]`: `score` by two workers against one; its memory.

Without recordings in FOLDER a simulated machine's are scored. Whole commands are timed, starting
up and all.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from agent.sources import synthetic
from benchmarks import options
from benchmarks.interleaved import compare

SCORE = (sys.executable, "-m", "agent", "score")
RATE_HZ = 10_000


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
        fresh = map(str, (Path(folder) / f"out-{n}" for n in itertools.count()))
        archive = arguments.data or _archive(Path(folder) / "archive", arguments.quick)
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load average {load:.0f} before\n")

        for engine in arguments.engines:

            def score(workers: int, engine: str = engine) -> None:
                flags = ("--workers", str(workers), "--engine", engine)
                _score(archive, next(fresh), *flags)

            rounds = options.rounds(arguments.rounds, arguments.quick)
            name = f"{archive.name}: {engine}, 2 workers / 1"
            print(compare(name, partial(score, 2), partial(score, 1), rounds), flush=True)
        for seconds in (5, 20) if arguments.quick else (300, 3000):
            recording = _recording(Path(folder) / f"{seconds}.wav", seconds, seed=0)
            peak = _score(recording, next(fresh), "--workers", "1", "--hop-s", "1")
            print(f"{seconds} s at {RATE_HZ} Hz: at most {peak:.0f} MiB in a process", flush=True)


def _score(what: Path, out: str, *flags: str) -> float:
    """Runs the command; the peak RSS in MiB of whichever of its processes took most."""
    line = [*SCORE, str(what), "--out", out, "--model", "bearing", "--channels", "0", *flags]
    process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, line
    return usage.ru_maxrss / 1024


def _archive(folder: Path, quick: bool) -> Path:
    folder.mkdir()
    for number in range(2 if quick else 12):
        _recording(folder / f"{number}.wav", 10 if quick else 180, number)
    return folder


def _recording(path: Path, seconds: int, seed: int) -> Path:
    """A simulated machine that breaks at half time."""
    healthy = synthetic.Phase(duration_s=seconds / 2)
    phases = (healthy, synthetic.Phase(duration_s=seconds / 2, fault="outer"))
    settings = synthetic.Options(pace="fast", rate_hz=RATE_HZ, seed=seed, scenario=phases)
    source = synthetic.open_source(settings)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        while (block := source.read()) is not None:
            file.write(np.clip(block.samples / 10, -1, 1))
    return path


def _arguments() -> argparse.Namespace:
    parser = options.parser("archive", __doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with recordings below it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", nargs="+", default=["local"], choices=["local", "ray"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
