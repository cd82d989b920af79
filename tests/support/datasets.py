"""Tiny data sets in the form of the real ones, so that every experiment runs in seconds."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from agent.sources.machine_simulator import Fault, Machine, Spec

RATE_HZ, SPEECH_HZ, FEMTO_HZ = 10_000, 8_000, 25_600
FAULTS: tuple[Fault, ...] = ("inner", "outer", "ball")
SNAPSHOT, SNAPSHOTS = 2560, 20
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BACKGROUNDS = ("doing_the_dishes", "bg_noise9", "room")

Signal = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One recording and its line in the manifest. `scale` is a factor for each channel, or ''."""

    file: str
    label: str
    split: str
    samples: Signal
    rate_hz: int = RATE_HZ
    rpm: int = 1797
    severity: str = ""
    scale: str = ""


def bearings(root: Path) -> Path:
    """The sets `cwru`, `hit_sm` and `noise` as far as the experiments read them."""
    write(root / "cwru", _cwru())
    write(root / "hit_sm", _hit_sm())
    rng = np.random.default_rng(0)
    hiss = [Row(f"{n}.wav", n, "train", 0.1 * rng.standard_normal(20_000)) for n in BACKGROUNDS]
    write(root / "noise", hiss)
    return root


def femto(root: Path) -> Path:
    """The set `femto`: one bearing whose last tenth of life is ten times as loud."""
    folder = root / "femto"
    rng = np.random.default_rng(0)
    gain = np.repeat([1.0] * (SNAPSHOTS - 2) + [10.0] * 2, SNAPSHOT)
    samples = 0.01 * gain[:, None] * rng.standard_normal((SNAPSHOTS * SNAPSHOT, 2))
    scale = "0.001|0.001"
    row = Row("Bearing1_1.wav", "run_to_failure", "train", samples, FEMTO_HZ, scale=scale)
    write(folder, [row])
    with (folder / "snapshots.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("bearing", "start_sample", "life_fraction"))
        writer.writerows(("Bearing1_1", n * SNAPSHOT, n / SNAPSHOTS) for n in range(SNAPSHOTS))
    return root


def speech(root: Path) -> Path:
    """The sets `fsdd`, `speech_commands_mini` and `noise`: a tone for each word."""
    write(root / "fsdd", _words([str(digit) for digit in range(10)]))
    write(root / "speech_commands_mini", _words([*DIGITS, "bed"]))
    rng = np.random.default_rng(0)
    rows = [
        Row(f"{name}.wav", name, "train", 0.01 * rng.standard_normal(40 * SPEECH_HZ), SPEECH_HZ)
        for name in BACKGROUNDS
    ]
    write(root / "noise", rows)
    return root


def write(folder: Path, rows: Iterable[Row]) -> None:
    """The recordings as 16-bit WAV files, and their manifest."""
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "label", "split", "rate_hz", "rpm", "severity", "scale"))
        for row in rows:
            path = folder / row.file
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, row.samples, row.rate_hz, subtype="PCM_16")
            where = (row.file, row.label, row.split, row.rate_hz)
            writer.writerow((*where, row.rpm, row.severity, row.scale))


def _cwru() -> Iterable[Row]:
    """Normal, and three faults at three severities, on both sides of the split."""
    for number, split in enumerate(("train", "val")):
        yield Row(f"normal_{split}.wav", "normal", split, _vibration("normal", number))
        for fault in FAULTS:
            for size in ("7mil", "14mil", "21mil"):
                name = f"{fault}_{size}_{split}.wav"
                yield Row(name, fault, split, _vibration(fault, number), severity=size)


def _hit_sm() -> Iterable[Row]:
    """Two rigs, each with a healthy and a faulty recording."""
    for number, (rig, split) in enumerate((("mfs", "val"), ("selfbuilt", "train"))):
        for label in ("normal", "inner", "outer"):
            yield Row(f"{rig}/{label}.wav", label, split, _vibration(label, number))


def _vibration(label: Fault, seed: int) -> Signal:
    machine = Machine(Spec(rate_hz=RATE_HZ), np.random.default_rng(seed))
    return np.asarray(machine.render(3 * RATE_HZ, label, 1.0), np.float64) / 16


def _words(labels: Iterable[str]) -> Iterable[Row]:
    """A tone of 0.3 s for each word, on both sides of the split."""
    t = np.arange(round(0.3 * SPEECH_HZ)) / SPEECH_HZ
    for number, label in enumerate(labels):
        for split in ("train", "val"):
            tone = 0.3 * np.sin(2 * np.pi * (300 + 250 * number) * t)
            yield Row(f"{label}_{split}.wav", label, split, tone, SPEECH_HZ)
