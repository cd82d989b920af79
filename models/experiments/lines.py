"""How often the lines of a bearing name its fault, on recordings: no network, nothing learned.

    python -m models.experiments.lines --data DATA

DATA holds the sets `cwru` and `hit_sm`, both with a bearing of the 6205's orders. The first five
seconds of every recording are measured as the agent would measure them, as they are, with Gaussian
noise added, and with a speed that is told 2 % wrong; noise alone says how often it is believed.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agent.core.bearing import of_geometry
from agent.diagnosis import measurements
from agent.diagnosis.levels import Signal
from agent.sources import noise
from agent.sources.machine_simulator import FAULTS, Fault, Machine, Spec
from models.data import listing, recordings
from models.data.recipe import Source

RATE_HZ = 10_000.0
ORDERS = of_geometry(9, 7.94, 39.04)
SETS = ("cwru", "hit_sm")
TRUE = {"outer": "bpfo", "inner": "bpfi", "ball": "bsf"}
FRAMES = round(measurements.SECONDS * RATE_HZ)
TRIALS = 1000  # of noise alone


@dataclass(frozen=True)
class Case:
    """A stretch of signal whose fault is known."""

    name: str
    group: str
    label: str
    rpm: float
    signal: Signal


def recorded(root: Path, splits: Sequence[str]) -> Iterator[Case]:
    """The first seconds of each recording of the 6205's orders in those splits."""
    for name in SETS:
        with (root / name / listing.MANIFEST).open(newline="") as file:
            rpm = {row["file"]: float(row["rpm"]) for row in csv.DictReader(file)}
        source = Source(name, train=tuple(splits))
        for found in recordings.load(root, source, splits, FAULTS, RATE_HZ):
            signal = found.samples[0, :FRAMES].astype(np.float64)
            yield Case(found.file, name, found.label, rpm[found.file], signal)


def simulated(count: int) -> Iterator[Case]:
    """`count` machines with each fault fully grown, without noise."""
    for seed in range(count):
        for fault in FAULTS:
            machine = Machine(Spec(rate_hz=RATE_HZ), np.random.default_rng([seed, 7]))
            signal = machine.render(FRAMES, fault, 1.0)
            yield Case(f"{fault} {seed}", "simulated", fault, machine.spec.rpm, signal)


def judged(case: Case) -> tuple[str | None, str | None]:
    """The series that stands out most, and the one that is shown."""
    found = measurements.measure(
        case.signal, measurements.MachineInfo(RATE_HZ, "any", case.rpm, ORDERS)
    )
    if found.evidence_db is None:
        return None, None
    by_name = {name: getattr(found.evidence_db, name) for name in TRUE.values()}
    return max(by_name, key=by_name.__getitem__), found.shows


def noisy(snr_db: float) -> Callable[[Case], Case]:
    """Adds Gaussian noise, the same to the same case every time."""

    def add(case: Case) -> Case:
        rng = np.random.default_rng(list(case.name.encode()))
        added = noise.draw("gaussian", case.signal.shape, rng)
        sigma = noise.scale_for(float(case.signal.var()), snr_db)
        return replace(case, signal=case.signal + sigma * added)

    return add


CONDITIONS: dict[str, Callable[[Case], Case]] = {
    "as recorded": lambda case: case,
    "5 dB": noisy(5.0),
    "0 dB": noisy(0.0),
    "speed +2 %": lambda case: replace(case, rpm=1.02 * case.rpm),
    "speed -2 %": lambda case: replace(case, rpm=0.98 * case.rpm),
}


def table(cases: Sequence[Case]) -> Iterator[str]:
    """A row for each set and label: how often the truth is highest, shown, and another is shown."""
    yield "| set | label | condition | recordings | true line highest | shown | another shown |"
    yield "|---|---|---|---|---|---|---|"
    for group in dict.fromkeys(case.group for case in cases):
        for label in FAULTS:
            chosen = [c for c in cases if (c.group, c.label) == (group, label)]
            if not chosen:
                continue
            for name, change in CONDITIONS.items():
                yield _row(group, label, name, [judged(change(case)) for case in chosen])


def _row(
    group: str, label: Fault, condition: str, found: Sequence[tuple[str | None, str | None]]
) -> str:
    true = TRUE.get(label)
    highest = sum(best == true for best, _ in found) if true else "-"
    shown = sum(line == true for _, line in found) if true else "-"
    others = Counter(line for _, line in found if line not in (None, true))
    told = ", ".join(f"{count} {line}" for line, count in others.items()) or "0"
    return f"| {group} | {label} | {condition} | {len(found)} | {highest} | {shown} | {told} |"


def believed(trials: int) -> str:
    """How often noise alone shows a line."""
    rng = np.random.default_rng(0)
    cases = (
        Case("", "", "", 1797.0, rng.standard_normal(FRAMES).astype(np.float64))
        for _ in range(trials)
    )
    shown = sum(judged(case)[1] is not None for case in cases)
    return f"Gaussian noise alone shows a line in {shown} of {trials} trials."


def cost(times: int = 30) -> str:
    """What a measurement takes that an event waits for."""
    signal = np.random.default_rng(0).standard_normal(FRAMES)
    known = measurements.MachineInfo(RATE_HZ, "g", 1797.0, ORDERS, "group2-rigid")
    taken_s = []
    for _ in range(times):
        began_s = time.perf_counter()
        measurements.measure(signal, known)
        taken_s.append(time.perf_counter() - began_s)
    return f"One channel of {measurements.SECONDS:g} s takes {1000 * np.median(taken_s):.0f} ms."


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.experiments.lines")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["val"], help="%(default)s")
    parser.add_argument("--machines", type=int, default=10, help="simulated (%(default)s)")
    parser.add_argument("--trials", type=int, default=TRIALS, help="of noise (%(default)s)")
    chosen = parser.parse_args()
    cases = [*recorded(chosen.data, chosen.splits), *simulated(chosen.machines)]
    for line in (*table(cases), "", believed(chosen.trials), cost()):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
