"""Evaluates commissioning on bearings that ran to failure: alarms before the end, not too early.

    python -m models.experiments.femto --data DATA

DATA holds the set `femto`. Every snapshot of 0.1 s is one window of both axes. The first fifth of
a bearing's life is its baseline. Every later snapshot is compared with it in order, and two in a
row beyond the threshold are an alarm. A dozen snapshots are too few to estimate a rate of false
alarms, so the threshold is the agent's lower bound, `agent.diagnosis.baseline.fit.LEAST_DISTANCE`.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from agent.diagnosis.baseline import states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.fit import LEAST_DISTANCE
from models import command
from models.data import listing

SNAPSHOT = 2560  # frames
COMMISSIONED, EARLY, LATE = 0.2, 0.4, 0.9  # shares of life
PATIENCE = 2


@dataclass(frozen=True)
class Life:
    """One bearing: features [snapshots, features] and the share of life at each snapshot."""

    bearing: str
    split: str
    share: Vector
    rows: Vector


def lives(folder: Path) -> Iterator[Life]:
    """The life of every bearing in the set."""
    with (folder / "snapshots.csv").open(newline="") as file:
        snapshots = list(csv.DictReader(file))
    for entry in listing.entries(folder):
        bearing = entry.path.stem
        selected = [row for row in snapshots if row["bearing"] == bearing]
        samples, _ = soundfile.read(entry.path, dtype="int16", always_2d=True)
        scaled = (samples * np.asarray(entry.scale)).T.astype(np.float32)
        starts = [int(row["start_sample"]) for row in selected]
        rows = np.stack([features(scaled[:, at : at + SNAPSHOT]) for at in starts])
        share = np.asarray([float(row["life_fraction"]) for row in selected])
        yield Life(bearing, entry.split, share, rows)


def distances(life: Life) -> Vector:
    """The distance of every snapshot after commissioning from the baseline."""
    healthy = life.share < COMMISSIONED
    learned = states.learn(life.rows[healthy])
    return states.distances(learned, life.rows[~healthy])


def alarm(life: Life, threshold: float) -> float | None:
    """The share of life after `PATIENCE` snapshots in a row beyond `threshold`; None for never."""
    distance = distances(life)
    share = life.share[life.share >= COMMISSIONED]
    in_a_row = 0
    for at, value in enumerate(distance):
        in_a_row = in_a_row + 1 if value > threshold else 0
        if in_a_row >= PATIENCE:
            return float(share[at])
    return None


def table(lives: list[Life], threshold: float) -> Iterator[str]:
    """Markdown with a row for each bearing, then the number of alarms in time and too early."""
    yield "| bearing | split | snapshots learned | first alarm at | largest to 40 % | to 90 % |"
    yield "|---|---|---|---|---|---|"
    for life in lives:
        distance = distances(life)
        share = life.share[life.share >= COMMISSIONED]
        at = alarm(life, threshold)
        first = "never" if at is None else f"{at:.1%}"
        learned = int((life.share < COMMISSIONED).sum())
        yield (
            f"| {life.bearing} | {life.split} | {learned} | {first} "
            f"| {distance[share < EARLY].max():.1f} | {distance[share < LATE].max():.1f} |"
        )
    yield ""
    for split in ("train", "val", "train|val"):
        alarms = [alarm(life, threshold) for life in lives if life.split in split.split("|")]
        early = sum(at is not None and at < EARLY for at in alarms)
        seen = sum(at is not None and at < LATE for at in alarms)
        yield (
            f"{split}: alarm before {LATE:.0%} of life in {seen} of {len(alarms)}, "
            f"none before {EARLY:.0%} in {len(alarms) - early} of {len(alarms)}"
        )


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.femto`."""
    parser = argparse.ArgumentParser(prog="python -m models.experiments.femto")
    parser.add_argument("--data", type=Path, required=True, help="folder of femto")
    parser.add_argument("--threshold", type=float, default=LEAST_DISTANCE, help="%(default)s")
    parser.set_defaults(run=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    for line in table(list(lives(arguments.data / "femto")), arguments.threshold):
        command.say(line)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
