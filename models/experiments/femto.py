"""Commissioning judged on bearings that ran to failure: is the end seen, and not too early?

    python -m models.experiments.femto --data DATA

DATA holds the set `femto`. Every snapshot of 0.1 s is one window of both axes. The first fifth of
a bearing's life is its baseline; then every snapshot is compared with it, in order, and two in a
row beyond the threshold are an alarm. A dozen snapshots have no tail to read a rate of false alarms
from, so the threshold here is the agent's lower bound,
`agent.diagnosis.baseline.fit.LEAST_DISTANCE`.
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
    """Every bearing of the set."""
    with (folder / "snapshots.csv").open(newline="") as file:
        snapshots = list(csv.DictReader(file))
    for entry in listing.entries(folder):
        bearing = entry.path.stem
        own = [row for row in snapshots if row["bearing"] == bearing]
        samples, _ = soundfile.read(entry.path, dtype="int16", always_2d=True)
        scaled = (samples * np.asarray(entry.scale)).T.astype(np.float32)
        starts = [int(row["start_sample"]) for row in own]
        rows = np.stack([features(scaled[:, at : at + SNAPSHOT]) for at in starts])
        share = np.asarray([float(row["life_fraction"]) for row in own])
        yield Life(bearing, entry.split, share, rows)


def distances(life: Life) -> Vector:
    """Of every snapshot after commissioning."""
    healthy = life.share < COMMISSIONED
    learned = states.learn(life.rows[healthy])
    return states.distances(learned, life.rows[~healthy])


def alarm(life: Life, threshold: float) -> float | None:
    """The share of life at which `PATIENCE` snapshots in a row have been beyond it."""
    apart = distances(life)
    share = life.share[life.share >= COMMISSIONED]
    in_a_row = 0
    for at, each in enumerate(apart):
        in_a_row = in_a_row + 1 if each > threshold else 0
        if in_a_row >= PATIENCE:
            return float(share[at])
    return None


def table(found: list[Life], threshold: float) -> Iterator[str]:
    """A row for each bearing, then how many keep the two promises."""
    yield "| bearing | split | snapshots learned | first alarm at | largest to 40 % | to 90 % |"
    yield "|---|---|---|---|---|---|"
    for life in found:
        apart = distances(life)
        share = life.share[life.share >= COMMISSIONED]
        at = alarm(life, threshold)
        told = "never" if at is None else f"{at:.1%}"
        learned = int((life.share < COMMISSIONED).sum())
        yield (
            f"| {life.bearing} | {life.split} | {learned} | {told} "
            f"| {apart[share < EARLY].max():.1f} | {apart[share < LATE].max():.1f} |"
        )
    yield ""
    for split in ("train", "val", "train|val"):
        alarms = [alarm(life, threshold) for life in found if life.split in split.split("|")]
        early = sum(at is not None and at < EARLY for at in alarms)
        seen = sum(at is not None and at < LATE for at in alarms)
        yield (
            f"{split}: alarm before {LATE:.0%} of life in {seen} of {len(alarms)}, "
            f"none before {EARLY:.0%} in {len(alarms) - early} of {len(alarms)}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.femto")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threshold", type=float, default=LEAST_DISTANCE, help="%(default)s")
    chosen = parser.parse_args()
    for line in table(list(lives(chosen.data / "femto")), chosen.threshold):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
