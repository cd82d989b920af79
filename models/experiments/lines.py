"""Evaluates the bearing lines on recordings: how often do they name the fault? No network is used.

    python -m models.experiments.lines --data DATA

DATA holds the sets `cwru` and `hit_sm`, both with a bearing of the 6205's orders. The first five
seconds of every recording are measured as in the agent: as recorded, with Gaussian noise, and with
a speed that is 2 % wrong. Noise alone shows how often a line appears by chance.
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

from agent.core.bearing import Orders, of_geometry
from agent.diagnosis import measurements
from agent.diagnosis.levels import Signal
from agent.diagnosis.periodicity import PERIODIC_DB
from agent.sources import noise
from agent.sources.machine_simulator import FAULTS, Fault, Machine, Spec
from models import command
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
    """A piece of signal with a known fault."""

    name: str
    group: str
    label: str
    rpm: float
    signal: Signal


def recorded(root: Path, splits: Sequence[str]) -> Iterator[Case]:
    """The first seconds of each recording in `splits`."""
    for name in SETS:
        with (root / name / listing.MANIFEST).open(newline="") as file:
            rpm = {row["file"]: float(row["rpm"]) for row in csv.DictReader(file)}
        source = Source(name, train=tuple(splits))
        for recording in recordings.load(root, source, splits, FAULTS, RATE_HZ):
            signal = recording.samples[0, :FRAMES].astype(np.float64)
            yield Case(recording.file, name, recording.label, rpm[recording.file], signal)


def simulated(count: int) -> Iterator[Case]:
    """`count` machines with each fault fully grown, without noise."""
    for seed in range(count):
        for fault in FAULTS:
            machine = Machine(Spec(rate_hz=RATE_HZ), np.random.default_rng([seed, 7]))
            signal = machine.render(FRAMES, fault, 1.0)
            yield Case(f"{fault} {seed}", "simulated", fault, machine.spec.rpm, signal)


def strongest_and_shown(case: Case) -> tuple[str | None, str | None]:
    """The line with the most evidence, and the line that the agent shows."""
    measured = measurements.measure(
        case.signal, measurements.MachineInfo(RATE_HZ, "any", case.rpm, ORDERS)
    )
    if measured.evidence_db is None:
        return None, None
    by_name = {name: getattr(measured.evidence_db, name) for name in TRUE.values()}
    return max(by_name, key=by_name.__getitem__), measured.shows


def noisy(snr_db: float) -> Callable[[Case], Case]:
    """A function that adds Gaussian noise; a case gets the same noise every time."""

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
    """Markdown: how often the true line is highest, how often it and how often another is shown."""
    yield "| set | label | condition | recordings | true line highest | shown | another shown |"
    yield "|---|---|---|---|---|---|---|"
    for group in dict.fromkeys(case.group for case in cases):
        for label in FAULTS:
            selected = [c for c in cases if (c.group, c.label) == (group, label)]
            if not selected:
                continue
            for name, change in CONDITIONS.items():
                yield _row(
                    group, label, name, [strongest_and_shown(change(case)) for case in selected]
                )


def _row(
    group: str, label: Fault, condition: str, results: Sequence[tuple[str | None, str | None]]
) -> str:
    true = TRUE.get(label)
    highest = sum(best == true for best, _ in results) if true else "-"
    shown = sum(line == true for _, line in results) if true else "-"
    others = Counter(line for _, line in results if line not in (None, true))
    wrong = ", ".join(f"{count} {line}" for line, count in others.items()) or "0"
    return f"| {group} | {label} | {condition} | {len(results)} | {highest} | {shown} | {wrong} |"


def false_alarms(trials: int, orders: Orders = ORDERS) -> str:
    """How often noise alone reaches the level of noise, and what is shown, for each series."""
    rng = np.random.default_rng(0)
    machine = measurements.MachineInfo(RATE_HZ, "any", 1797.0, orders)
    limits_db = (measurements.NOISE_DB, measurements.SHOWN_DB)
    counts = {series: [0, 0] for series in TRUE.values()}
    repeats, unknown = 0, measurements.MachineInfo(RATE_HZ, "any", None, None)
    for _ in range(trials):
        signal = rng.standard_normal(FRAMES)
        physics = measurements.measure(signal, machine)
        repeats += (measurements.measure(signal, unknown).periodicity_db or 0.0) >= PERIODIC_DB
        for series, above in counts.items():
            for at, limit_db in enumerate(limits_db):
                above[at] += getattr(physics.evidence_db, series) >= limit_db
    rates = ", ".join(f"{series} {low} and {high}" for series, (low, high) in counts.items())
    reached = f"at least {limits_db[0]:g} and {limits_db[1]:g} dB in {rates}"
    anything = f"anything repeats by {PERIODIC_DB:g} dB in {repeats}, speed and bearing unknown"
    return f"Gaussian noise alone, {trials} trials: {reached}; {anything}."


def cost(times: int = 30) -> str:
    """The time of one measurement, which an event waits for."""
    signal = np.random.default_rng(0).standard_normal(FRAMES)
    machine = measurements.MachineInfo(RATE_HZ, "g", 1797.0, ORDERS, "group2-rigid")
    taken_s = []
    for _ in range(times):
        began_s = time.perf_counter()
        measurements.measure(signal, machine)
        taken_s.append(time.perf_counter() - began_s)
    return f"One channel of {measurements.SECONDS:g} s takes {1000 * np.median(taken_s):.0f} ms."


def parser() -> argparse.ArgumentParser:
    """The arguments of `python -m models.experiments.lines`."""
    parser = argparse.ArgumentParser(prog="python -m models.experiments.lines")
    parser.add_argument("--data", type=Path, required=True, help="folder of cwru and hit_sm")
    parser.add_argument("--splits", nargs="+", default=["val"], help="%(default)s")
    parser.add_argument("--machines", type=int, default=10, help="simulated (%(default)s)")
    parser.add_argument("--trials", type=int, default=TRIALS, help="of noise (%(default)s)")
    parser.set_defaults(run=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    cases = [*recorded(arguments.data, arguments.splits), *simulated(arguments.machines)]
    for line in (*table(cases), "", false_alarms(arguments.trials), cost()):
        command.say(line)
    return 0


if __name__ == "__main__":
    sys.exit(command.main(parser()))
