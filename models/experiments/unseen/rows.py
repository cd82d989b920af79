"""What is measured: every condition with and without a baseline, and the controls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec

from models.experiments.unseen import changes, runs
from models.experiments.unseen.changes import Change
from models.experiments.unseen.machines import Clip, Condition
from models.experiments.unseen.runs import ClipResult, Machine

WITHOUT, WITH = "without baseline", "with baseline"
COLOURS = ("gaussian", "pink", "brown", "blue")
HARMONICS = range(1, 7)  # of the shaft
OWN_VIBRATION = ("hit_sm mfs", "hit_sm selfbuilt", "uestc")
OWN_DB = (0.0, -5.0)
BETWEEN_SPEEDS = "commissioned at 800 and 1200 rpm, heard at 1000"

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
        with runs.uncommissioned(condition) as machine:
            clips = (*condition.uncommissioned, *condition.faulty)
            yield Row(WITHOUT, machine.results(clips))
            if controls and condition.bearing is not None:
                yield from _disturbed(machine, WITHOUT, condition.uncommissioned)
        with runs.commissioned(condition) as machine:
            clips = (*condition.healthy, *condition.faulty)
            yield Row(WITH, machine.results(clips), machine.refused)
            if controls:
                yield from _later_noise(machine, clips)
            if controls and condition.bearing is not None:
                yield from _disturbed(machine, WITH, condition.healthy)
    if controls:
        yield from _between_speeds(conditions)


def _later_noise(machine: Machine, clips: Sequence[Clip]) -> Iterator[Row]:
    for colour in COLOURS:
        noisy = changed(clips, changes.noisy(colour), machine.condition)
        yield Row(f"{WITH}, {colour} noise at 5 dB that comes later", machine.results(noisy))


def _disturbed(machine: Machine, baseline: str, healthy: Sequence[Clip]) -> Iterator[Row]:
    """A level that swings with the shaft, and faults below the machine's own vibration."""
    condition = machine.condition
    for harmonic in HARMONICS:
        swinging = changed(healthy, changes.swinging(harmonic), condition)
        yield Row(f"{baseline}, level swings at {harmonic}x shaft", machine.results(swinging))
    yield from own_vibration(machine, baseline)


def own_vibration(machine: Machine, baseline: str) -> Iterator[Row]:
    """Faults below the machine's own vibration, from the half that is not commissioned.

    cwru has three seconds beside its judged one: these are added, so without a baseline only.
    """
    condition = machine.condition
    alone = condition.machine == "cwru" and baseline == WITHOUT
    if not alone and condition.machine not in OWN_VIBRATION:
        return
    healthy = condition.learned[0] if alone else condition.healthy[0]
    for snr_db in OWN_DB:
        change = changes.own_vibration(healthy, snr_db)
        covered = changed(condition.faulty, change, condition)
        name = f"{baseline}, own healthy vibration at {snr_db:g} dB{', cwru' if alone else ''}"
        yield Row(name, machine.results(covered))


def changed(clips: Sequence[Clip], change: Change, condition: Condition) -> list[Clip]:
    return [change(clip, condition) for clip in clips]


def _between_speeds(conditions: Sequence[Condition]) -> Iterator[Row]:
    """uestc: commissioned at 800 and 1200 rpm, judged at 1000 rpm."""
    speeds = {each.learned[0].rpm: each for each in conditions if each.machine == "uestc"}
    if {800.0, 1000.0, 1200.0} <= speeds.keys():
        learned = (*speeds[800.0].learned, *speeds[1200.0].learned)
        condition = replace(speeds[1000.0], learned=learned)
        with runs.commissioned_at_speeds(condition) as machine:
            clips = (*condition.healthy, *condition.faulty)
            yield Row(BETWEEN_SPEEDS, machine.results(clips))
