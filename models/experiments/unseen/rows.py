"""What is measured: every condition with and without a baseline, and the controls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec

from models.experiments.unseen import changes, runs
from models.experiments.unseen.changes import Change
from models.experiments.unseen.machines import Condition
from models.experiments.unseen.runs import ClipResult

WITHOUT, WITH = "without baseline", "with baseline"
COLOURS = ("gaussian", "pink", "brown", "blue")
MODULATED = range(1, 7)

Say = Callable[[str], None]


class Row(msgspec.Struct, frozen=True):
    """One kind of measurement on one condition."""

    name: str
    results: tuple[ClipResult, ...]
    refused: str = ""  # why commissioning refused


def measure(conditions: Sequence[Condition], say: Say, controls: bool) -> Iterator[Row]:
    """Row after row; the controls only where they are asked for."""
    for condition in conditions:
        say(f"{condition.machine}, {condition.name}")
        yield Row(WITHOUT, runs.uncommissioned(condition).results)
        commissioned = runs.commissioned(condition)
        yield Row(WITH, commissioned.results, commissioned.refused)
        if controls:
            yield from _controls(condition)
    if controls:
        yield from _between_speeds(conditions)


def _controls(condition: Condition) -> Iterator[Row]:
    for colour in COLOURS:
        yield _changed(f"{WITH}, {colour} noise at 5 dB", condition, changes.noisy(colour))
    if condition.bearing is None:
        return
    for harmonic in MODULATED:
        change = changes.swinging(harmonic)
        healthy = changes.changed(replace(condition, faulty=()), change)
        name = f"level swings at {harmonic}x shaft"
        yield Row(f"{WITHOUT}, {name}", runs.uncommissioned(healthy).results)
        yield Row(f"{WITH}, {name}", runs.commissioned(healthy).results)
    if condition.machine in ("hit_sm mfs", "hit_sm selfbuilt", "uestc"):
        for snr_db in (0.0, -5.0):
            change = changes.own_vibration(condition.healthy[0], snr_db)
            faulty = changes.changed(replace(condition, healthy=(), whole=()), change)
            name = f"own healthy vibration at {snr_db:g} dB"
            yield Row(f"{WITHOUT}, {name}", runs.uncommissioned(faulty).results)
            yield Row(f"{WITH}, {name}", runs.commissioned(faulty).results)


def _changed(name: str, condition: Condition, change: Change) -> Row:
    outcome = runs.commissioned(changes.changed(condition, change))
    return Row(name, outcome.results, outcome.refused)


def _between_speeds(conditions: Sequence[Condition]) -> Iterator[Row]:
    """uestc: commissioned at 800 and 1200 rpm, judged at 1000 rpm."""
    speeds = {c.learned[0].rpm: c for c in conditions if c.machine == "uestc"}
    if {800.0, 1000.0, 1200.0} <= speeds.keys():
        learned = (*speeds[800.0].learned, *speeds[1200.0].learned)
        condition = replace(speeds[1000.0], learned=learned)
        yield Row("commissioned at 800 and 1200 rpm, heard at 1000", runs.at_speeds(condition))
