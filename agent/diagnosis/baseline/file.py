"""The file that holds a baseline: one a source, in the state directory, whole or not at all."""

import os
from pathlib import Path

import msgspec

from agent.core import files, json_input, state_directory
from agent.core.errors import ConditionError, ConfigError, UserError
from agent.core.types import FaultLine
from agent.diagnosis.baseline.states import State

SCHEMA = "drsn-baseline/2"
SCHEMA_0_1 = "drsn-baseline/1"  # of version 0.1 of the agent
FARTHEST_0_1 = 12.6  # distance: three times the threshold of a steady machine
MAX_BYTES = 16 * 2**20
WHOLE_S = 300.0  # of sound signal; with less a baseline is provisional
AGAIN = "commission the source again, or delete the file"


class LostError(UserError):
    """There is a baseline, and it cannot be read: not the same as none."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What windows it was learned from: another frame would give other numbers."""

    rate_hz: float
    window: int
    channels: tuple[int, ...] | None
    scale: float
    hop_s: float
    patience: int


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One condition and speed in which the machine was heard. Thresholds are distances."""

    condition: str | None = None  # as the configuration named it
    rpm: float | None = None  # of the shaft; None: not known, 0: it stands
    seconds: float  # of sound signal
    states: tuple[State, ...]
    threshold: float  # of windows, held for `patience` of them
    slow_threshold: float  # of the median over `agent.diagnosis.baseline.folds.SLOW_S`
    stretches: int  # of healthy running that the threshold was read from
    extrapolated_decades: float  # from there to the rate asked for
    limited: bool = False  # the rate asked for would need a higher one: see `tail.FARTHEST`
    lines: tuple[FaultLine | None, ...] = ()  # of each channel: the highest while healthy, in dB
    rows: bytes = b""  # features of healthy windows, float16 [windows, features]
    runs: tuple[int, ...] = ()  # how many of those windows each run has

    def __post_init__(self) -> None:
        """`ValueError` for what no window can be compared with."""
        widths = {len(numbers) for s in self.states for numbers in (s.centre, s.spread)}
        if len(widths) != 1 or widths & {0}:
            raise ValueError("states of one and the same width")
        if not (self.threshold > 0 and self.slow_threshold > 0):
            raise ValueError("thresholds above 0")

    @property
    def width(self) -> int:
        """Features of a window."""
        return len(self.states[0].centre)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a healthy machine is like, one operating point after another."""

    schema: str = SCHEMA
    source: str = ""
    made: str = ""  # ISO 8601
    frame: Frame
    points: tuple[OperatingPoint, ...]
    false_alarms_per_month: float

    @property
    def seconds(self) -> float:
        """Of sound signal that it was learned from."""
        return sum(point.seconds for point in self.points)

    @property
    def provisional(self) -> bool:
        return self.seconds < WHOLE_S


class Baseline01(msgspec.Struct, frozen=True, kw_only=True):
    """The baseline of version 0.1. Features and distances are the same as now."""

    source: str
    made: str
    frame: Frame
    states: tuple[State, ...]
    threshold: float
    false_alarms_per_month: float
    windows: int
    stretches: int
    extrapolated_decades: float

    def upgraded(self) -> Baseline:
        """One operating point. What 0.1 did not learn stays empty.

        The slow threshold is that of the windows, which a median does not exceed more often.
        Version 0.1 could extrapolate beyond every fault, so neither is above `FARTHEST_0_1`.
        """
        threshold = min(self.threshold, FARTHEST_0_1)
        point = OperatingPoint(
            seconds=self.windows * self.frame.hop_s,
            states=self.states,
            threshold=threshold,
            slow_threshold=threshold,
            stretches=self.stretches,
            extrapolated_decades=self.extrapolated_decades,
        )
        return Baseline(
            source=self.source,
            made=self.made,
            frame=self.frame,
            points=(point,),
            false_alarms_per_month=self.false_alarms_per_month,
        )


def check_width(baseline: Baseline, state_dir: Path, width: int) -> None:
    """`LostError` where its windows have another number of features than `width`."""
    for point in baseline.points:
        if point.width != width:
            file = path(state_dir, baseline.source)
            raise LostError(f"{file}: found {point.width} features, expected {width}: {AGAIN}")


def path(state_dir: Path, source: str) -> Path:
    return state_dir / f"baseline-{source}.json"


def load(state_dir: Path, source: str, frame: Frame) -> Baseline | None:
    """The source's baseline, None where it has none.

    `ConfigError` where it does not fit the configuration, `LostError` where it cannot be read.
    """
    file = path(state_dir, source)
    try:
        baseline = _decoded(files.read(file, MAX_BYTES), file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not os.access(state_dir, os.X_OK):  # not our folder: whoever needs it will say so
            return None
        raise LostError(f"{file}: cannot be read: {error.strerror}") from None
    for key in Frame.__struct_fields__:
        was, now = getattr(baseline.frame, key), getattr(frame, key)
        if was != now:
            raise ConfigError(f"{file}: {key}: found {was}, expected {now} as it is now: {AGAIN}")
    return baseline


def _decoded(data: bytes, file: Path) -> Baseline:
    try:
        schema = json_input.decode(data, dict, max_bytes=MAX_BYTES).get("schema")
        if schema == SCHEMA_0_1:
            return json_input.decode(data, Baseline01, max_bytes=MAX_BYTES).upgraded()
        if schema != SCHEMA:
            raise LostError(f"{file}: found schema {schema!r}, expected {SCHEMA!r}: {AGAIN}")
        return json_input.decode(data, Baseline, max_bytes=MAX_BYTES)
    except json_input.JsonError as error:
        raise LostError(f"{file}: not a baseline ({error}): {AGAIN}") from None


def save(baseline: Baseline, state_dir: Path) -> Path:
    """Writes it as the owner of the state directory; see `write`."""
    with state_directory.as_owner(state_dir):
        return write(baseline, state_dir)


def write(baseline: Baseline, state_dir: Path) -> Path:
    """Writes it beside its predecessor and puts it in its place at once; `ConditionError`."""
    file = path(state_dir, baseline.source)
    try:
        files.write(file, msgspec.json.encode(baseline))
    except OSError as error:
        raise ConditionError(f"{file}: cannot be written: {error.strerror}") from None
    return file
