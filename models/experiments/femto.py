"""Evaluates commissioning on bearings that ran to failure: alarms before the end, not too early.

    python -m models.experiments.femto --data DATA

DATA holds the set `femto`. Every snapshot of 0.1 s is one window of both axes. The first fifth of
a bearing's life is its baseline. Every later snapshot is compared with it in order, and two in a
row beyond the threshold are an alarm. A dozen snapshots are too few to estimate a rate of false
alarms, so the threshold is the agent's lower bound, `agent.diagnosis.baseline.fit.LEAST_DISTANCE`.

Beside it stand the usual rules: RMS and kurtosis three standard deviations above their mean in the
baseline, of either axis, two in a row. The last row chooses threshold and patience for each bearing
by the other eleven.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from agent.diagnosis import levels
from agent.diagnosis.baseline import states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.fit import LEAST_DISTANCE
from models import command
from models.data import listing

SNAPSHOT = 2560  # frames
COMMISSIONED, EARLY, LATE = 0.2, 0.4, 0.9  # shares of life
PATIENCE = 2
SIGMAS = 3.0
THRESHOLDS, PATIENCES = np.arange(3.0, 10.01, 0.1), (2, 3, 4, 5)  # for the row of left-out bearings
Alarm = Callable[["Life"], float | None]  # the share of life at the alarm; None: never


@dataclass(frozen=True)
class Life:
    """One bearing: its features and the share of life at each snapshot.

    `rows` [snapshots, features]; `rms` and `kurtosis` [snapshots, axes].
    """

    bearing: str
    split: str
    share: Vector
    rows: Vector
    rms: Vector
    kurtosis: Vector


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
        pieces = [scaled[:, at : at + SNAPSHOT] for at in starts]
        rows = np.stack([features(piece) for piece in pieces])
        share = np.asarray([float(row["life_fraction"]) for row in selected])
        measured = [[levels.levels(axis) for axis in piece.astype(np.float64)] for piece in pieces]
        rms = np.array([[axis.rms for axis in axes] for axes in measured])
        kurtosis = np.array([[axis.kurtosis or 0.0 for axis in axes] for axes in measured])
        yield Life(bearing, entry.split, share, rows, rms, kurtosis)


def distances(life: Life) -> Vector:
    """The distance of every snapshot after commissioning from the baseline."""
    healthy = life.share < COMMISSIONED
    learned = states.learn(life.rows[healthy])
    return states.distances(learned, life.rows[~healthy])


def alarm(life: Life, threshold: float, patience: int = PATIENCE) -> float | None:
    """The share of life after `patience` snapshots in a row beyond `threshold`; None for never."""
    return _in_a_row(life, distances(life) > threshold, patience)


def beyond_sigmas(life: Life, values: Vector) -> float | None:
    """The same where `values` [snapshots, axes] lie above what the baseline's scatter allows."""
    healthy = values[life.share < COMMISSIONED]
    limit = healthy.mean(0) + SIGMAS * healthy.std(0, ddof=1)
    above = (values > limit).any(1)[life.share >= COMMISSIONED]
    return _in_a_row(life, above, PATIENCE)


def _in_a_row(life: Life, beyond: npt.NDArray[np.bool_], patience: int) -> float | None:
    share, count = life.share[life.share >= COMMISSIONED], 0
    for at, is_beyond in enumerate(beyond):
        count = count + 1 if is_beyond else 0
        if count >= patience:
            return float(share[at])
    return None


def chosen_by_others(lives: Sequence[Life]) -> list[float | None]:
    """For each bearing the alarm of the settings that are right for most of the others.

    Of equally good settings those with the least patience, and of these the middle threshold.
    """
    settings = [(float(limit), count) for count in PATIENCES for limit in THRESHOLDS]
    alarms = {each: [alarm(life, *each) for life in lives] for each in settings}
    results = []
    for left_out in range(len(lives)):
        score = {
            each: sum(_is_right(at) for n, at in enumerate(found) if n != left_out)
            for each, found in alarms.items()
        }
        best = [each for each in settings if score[each] == max(score.values())]
        least = [each for each in best if each[1] == best[0][1]]
        results.append(alarms[least[len(least) // 2]][left_out])
    return results


def _is_right(at: float | None) -> bool:
    return at is not None and EARLY <= at < LATE


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
    rules: dict[str, Alarm] = {
        f"distance {threshold:g}": lambda life: alarm(life, threshold),
        f"RMS, {SIGMAS:g} sigma": lambda life: beyond_sigmas(life, life.rms),
        f"kurtosis, {SIGMAS:g} sigma": lambda life: beyond_sigmas(life, life.kurtosis),
        "either of them": lambda life: beyond_sigmas(life, np.hstack([life.rms, life.kurtosis])),
    }
    yield "| rule | split | alarm before 90 % of life | none in the first 40 % | both |"
    yield "|---|---|---|---|---|"
    for name, rule in rules.items():
        for split in ("train", "val", "train|val"):
            alarms = [rule(life) for life in lives if life.split in split.split("|")]
            yield _row(name, split.replace("|", " and "), alarms)
    if len(lives) > 1:
        yield _row("distance, chosen by the others", "train and val", chosen_by_others(lives))


def counts(alarms: Sequence[float | None]) -> tuple[int, int, int]:
    """Alarms before the end, bearings without one too early, and both."""
    return (
        sum(at is not None and at < LATE for at in alarms),
        sum(at is None or at >= EARLY for at in alarms),
        sum(map(_is_right, alarms)),
    )


def _row(rule: str, split: str, alarms: Sequence[float | None]) -> str:
    cells = " | ".join(f"{count} of {len(alarms)}" for count in counts(alarms))
    return f"| {rule} | {split} | {cells} |"


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
