"""Which values of a measurement have a trend, and what many of them come to. Pure."""

import math
from typing import get_args

import msgspec

from agent.core.types import Decision, FaultLine, Physics
from agent.messages.measurement import Measurement

LINES = FaultLine.__struct_fields__
OF_CHANNEL = (
    *("rms", "peak", "crest", "kurtosis", "velocity_mm_s"),
    *(f"{line}_db" for line in LINES),  # `evidence_db`
    *(f"{line}_contrast_db" for line in LINES),
)
OF_MACHINE = ("rpm", "load_percent", "temperature_c", "running")  # running: 1, standing: 0
OF_SOURCE = (*OF_MACHINE, "anomaly", "anomaly_slow", "drift")  # in the rows of channel 0
LEVELS = OF_CHANNEL + OF_SOURCE
DECISIONS: tuple[str, ...] = get_args(Decision)


class Level(msgspec.Struct):
    """Of the values of one level; `count` of them were there."""

    lowest: float
    mean: float
    highest: float
    count: int

    def add(self, value: float) -> None:
        self.lowest = min(self.lowest, value)
        self.highest = max(self.highest, value)
        self.count += 1
        self.mean += (value - self.mean) / self.count

    def merge(self, other: "Level") -> None:
        count = self.count + other.count
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)
        self.mean = (self.mean * self.count + other.mean * other.count) / count
        self.count = count


class Summary(msgspec.Struct):
    """Of measurements of one channel."""

    decisions: dict[str, int] = msgspec.field(default_factory=dict)  # how many measurements
    levels: dict[str, Level] = msgspec.field(default_factory=dict)

    def add(self, decision: str, values: dict[str, float | None]) -> None:
        """One measurement: None, or what is not finite, has no level."""
        self.decisions[decision] = self.decisions.get(decision, 0) + 1
        for name, value in values.items():
            if value is None or not math.isfinite(value):
                continue
            number = float(value)
            if name in self.levels:
                self.levels[name].add(number)
            else:
                self.levels[name] = Level(number, number, number, 1)

    def merge(self, other: "Summary") -> None:
        """Other measurements of the same channel."""
        for decision, count in other.decisions.items():
            self.decisions[decision] = self.decisions.get(decision, 0) + count
        for name, level in other.levels.items():
            if name in self.levels:
                self.levels[name].merge(level)
            else:
                self.levels[name] = level

    @property
    def measurements(self) -> int:
        return sum(self.decisions.values())


def values(record: Measurement) -> list[dict[str, float | None]]:
    """The levels of each channel by name, those of the source with channel 0.

    Of a machine that stands still only what is not its vibration: else every stop were a trend.
    """
    stands = record.running is False
    channels = [{} if stands else _of_channel(physics) for physics in record.physics]
    if channels:
        names = OF_MACHINE if stands else OF_SOURCE
        channels[0].update({name: getattr(record, name) for name in names})
    return channels


def _of_channel(physics: Physics) -> dict[str, float | None]:
    levels = {name: getattr(physics, name) for name in OF_CHANNEL[:5]}
    for lines, ending in ((physics.evidence_db, "_db"), (physics.contrast_db, "_contrast_db")):
        if lines is not None:
            levels.update({line + ending: getattr(lines, line) for line in LINES})
    return levels
