"""Commissioning judged on rigs: learned from healthy recordings, are faults far off? And noise?

    python -m models.experiments.anomalies --data DATA

Of each rig and speed, the first half of the healthy recording is the baseline, the second half and
all faults are compared with it. AUROC: the chance that a window of a fault is further off than a
healthy one. A recording may be told by its gain alone, so all is judged again with every recording
brought to the same RMS. Noise at 5 dB is then added in two ways: to what is judged only, as noise
that comes later, and to the baseline as well, as a machine that was commissioned in it.
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
from models.data import listing, recordings
from models.data.recipe import Source

RATE_HZ, WINDOW, HOP = 10_000.0, 4096, 1000
SNR_DB = 5.0
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Rig:
    """A machine in one way of running: its healthy signals and its faults' [frames]."""

    name: str
    healthy: Sequence[recordings.Array]
    faults: Sequence[recordings.Array]


def rigs(root: Path) -> Iterator[Rig]:
    """CWRU (learned at 0 HP, its only healthy load), and each rig and speed of hit_sm."""
    for folder in ("cwru", "hit_sm"):
        with (root / folder / listing.MANIFEST).open(newline="") as file:
            rpm = {row["file"]: row["rpm"] for row in csv.DictReader(file)}
        found = recordings.load(root, Source(folder), SPLITS, FAULTS, RATE_HZ)
        groups = {
            each.file: folder if folder == "cwru" else f"{each.file.split('/')[0]} {rpm[each.file]}"
            for each in found
        }
        for name in dict.fromkeys(groups.values()):
            own = [each for each in found if groups[each.file] == name]
            yield Rig(
                name,
                [each.samples[0] for each in own if each.label == "normal"],
                [each.samples[0] for each in own if each.label != "normal"],
            )


def rows(signals: Sequence[recordings.Array], snr_db: float | None, seed: int) -> Vector:
    """Features of every window [windows, features], with noise drawn anew for each signal."""
    rng, found = np.random.default_rng(seed), []
    for signal in signals:
        heard = signal if snr_db is None else noise.add(signal, snr_db, "gaussian", rng)
        starts = range(0, len(heard) - WINDOW + 1, HOP)
        found += [features(heard[None, at : at + WINDOW]) for at in starts]
    return np.stack(found)


def levelled(rig: Rig) -> Rig:
    """Every signal at an RMS of 1."""
    return Rig(
        rig.name,
        [signal / signal.std() for signal in rig.healthy],
        [signal / signal.std() for signal in rig.faults],
    )


def auroc(low: Vector, high: Vector) -> float:
    """The chance that one of `high` is above one of `low`, ties for a half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")
    return float(below.mean() / 2 / len(low))


def judged(
    rig: Rig, learned_db: float | None, heard_db: float | None
) -> tuple[float, float, float]:
    """AUROC, and the share of healthy and of faulty windows beyond the lowest threshold."""
    first = [signal[: len(signal) // 2] for signal in rig.healthy]
    second = [signal[len(signal) // 2 :] for signal in rig.healthy]
    learned = states.learn(rows(first, learned_db, 0))

    def apart(signals: Sequence[recordings.Array], seed: int) -> Vector:
        return states.distances(learned, rows(signals, heard_db, seed))

    healthy, faulty = apart(second, 1), apart(rig.faults, 2)
    beyond, found = (float((each > LEAST_DISTANCE).mean()) for each in (healthy, faulty))
    return auroc(healthy, faulty), beyond, found


def table(found: Sequence[Rig]) -> Iterator[str]:
    """A row for each machine and kind of noise."""
    yield "| machine | signals | AUROC | healthy windows beyond 4.2 | faulty windows beyond 4.2 |"
    yield "|---|---|---|---|---|"
    cases = {
        "as recorded": (False, None, None),
        "same RMS": (True, None, None),
        "same RMS, noise later": (True, None, SNR_DB),
        "same RMS, noise always": (True, SNR_DB, SNR_DB),
    }
    for rig in found:
        for name, (same, learned_db, heard_db) in cases.items():
            score, healthy, faulty = judged(levelled(rig) if same else rig, learned_db, heard_db)
            yield f"| {rig.name} | {name} | {score:.3f} | {healthy:.1%} | {faulty:.1%} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.anomalies")
    parser.add_argument("--data", type=Path, required=True)
    chosen = parser.parse_args()
    for line in table(list(rigs(chosen.data))):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
