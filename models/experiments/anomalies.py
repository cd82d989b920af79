"""Evaluates commissioning on test rigs: how far are faults from a healthy baseline, also in noise?

    python -m models.experiments.anomalies --data DATA

For each rig and speed, the first half of the healthy recording is the baseline; the second half and
all faults are compared with it. AUROC is the probability that a window of a fault is farther from
the baseline than a healthy one. Gain alone may distinguish recordings, so everything is repeated
with all recordings at the same RMS. Noise at 5 dB is then added to the compared recordings only
(noise that comes later) and to the baseline as well (a machine that was commissioned in noise).
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.diagnosis.baseline import states
from agent.diagnosis.baseline.features import Vector, features
from agent.diagnosis.baseline.fit import LEAST_DISTANCE
from agent.sources import noise
from agent.sources.machine_simulator import FAULTS
from models import command
from models.data import listing, recordings
from models.data.recipe import Source
from models.data.recordings import Recording
from models.evaluation import metrics

RATE_HZ, WINDOW, HOP = 10_000.0, 4096, 1000
SNR_DB = 5.0
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Rig:
    """A machine in one running condition: signals [frames] of healthy and faulty recordings."""

    name: str
    healthy: Sequence[recordings.Array]
    faults: Sequence[recordings.Array]


def rigs(root: Path) -> Iterator[Rig]:
    """CWRU (baseline at 0 HP, its only healthy load), and each rig and speed of hit_sm."""
    for folder in ("cwru", "hit_sm"):
        with (root / folder / listing.MANIFEST).open(newline="") as file:
            rpm = {row["file"]: row["rpm"] for row in csv.DictReader(file)}
        groups: dict[str, list[Recording]] = {}
        for recording in recordings.load(root, Source(folder), SPLITS, FAULTS, RATE_HZ):
            rig = recording.file.split("/")[0]
            name = folder if folder == "cwru" else f"{rig} {rpm[recording.file]}"
            groups.setdefault(name, []).append(recording)
        for name, members in groups.items():
            healthy = [r.samples[0] for r in members if r.label == "normal"]
            yield Rig(name, healthy, [r.samples[0] for r in members if r.label != "normal"])


def feature_rows(signals: Sequence[recordings.Array], snr_db: float | None, seed: int) -> Vector:
    """Features of every window [windows, features], with fresh noise for each signal."""
    rng, rows = np.random.default_rng(seed), []
    for signal in signals:
        noisy = signal if snr_db is None else noise.add(signal, snr_db, "gaussian", rng)
        starts = range(0, len(noisy) - WINDOW + 1, HOP)
        rows += [features(noisy[None, at : at + WINDOW]) for at in starts]
    return np.stack(rows)


def normalized(rig: Rig) -> Rig:
    """Every signal at an RMS of 1."""
    return Rig(
        rig.name,
        [signal / signal.std() for signal in rig.healthy],
        [signal / signal.std() for signal in rig.faults],
    )


def evaluate(
    rig: Rig, baseline_db: float | None, test_db: float | None
) -> tuple[float, float, float]:
    """AUROC, and the shares of healthy and of faulty windows beyond the lowest threshold."""
    first = [signal[: len(signal) // 2] for signal in rig.healthy]
    second = [signal[len(signal) // 2 :] for signal in rig.healthy]
    baseline = states.learn(feature_rows(first, baseline_db, 0))

    def distances(signals: Sequence[recordings.Array], seed: int) -> Vector:
        return states.distances(baseline, feature_rows(signals, test_db, seed))

    healthy, faulty = distances(second, 1), distances(rig.faults, 2)
    is_fault = np.repeat([False, True], [len(healthy), len(faulty)])
    auroc = metrics.auroc(np.concatenate([healthy, faulty]), is_fault)
    false_alarms, detected = (float((d > LEAST_DISTANCE).mean()) for d in (healthy, faulty))
    return auroc, false_alarms, detected


def table(rigs: Sequence[Rig]) -> Iterator[str]:
    """Markdown with a row for each machine and kind of noise."""
    yield "| machine | signals | AUROC | healthy windows beyond 4.2 | faulty windows beyond 4.2 |"
    yield "|---|---|---|---|---|"
    cases = {
        "as recorded": (False, None, None),
        "same RMS": (True, None, None),
        "same RMS, noise later": (True, None, SNR_DB),
        "same RMS, noise always": (True, SNR_DB, SNR_DB),
    }
    for rig in rigs:
        for name, (normalize, baseline_db, test_db) in cases.items():
            signals = normalized(rig) if normalize else rig
            auroc, healthy, faulty = evaluate(signals, baseline_db, test_db)
            yield f"| {rig.name} | {name} | {auroc:.3f} | {healthy:.1%} | {faulty:.1%} |"


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.anomalies`."""
    parser = argparse.ArgumentParser(prog="python -m models.experiments.anomalies")
    parser.add_argument("--data", type=Path, required=True, help="folder of cwru and hit_sm")
    parser.set_defaults(run=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    for line in table(list(rigs(arguments.data))):
        command.say(line)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
