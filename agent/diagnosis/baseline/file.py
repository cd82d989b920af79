"""The file that holds a baseline: one a source, in the state directory, whole or not at all."""

import os
from pathlib import Path

import msgspec

from agent.core import files, json_input, state_directory
from agent.core.errors import ConfigError
from agent.diagnosis.baseline.states import State

SCHEMA = "drsn-baseline/1"
MAX_BYTES = 16 * 2**20


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What windows it was learned from: another frame would give other numbers."""

    rate_hz: float
    window: int
    channels: tuple[int, ...] | None
    scale: float
    hop_s: float
    patience: int


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a healthy machine is like. `threshold` is a distance
    (`agent.diagnosis.baseline.states`)."""

    schema: str = SCHEMA
    source: str = ""
    made: str = ""  # ISO 8601
    frame: Frame
    states: tuple[State, ...]
    threshold: float
    false_alarms_per_month: float
    windows: int
    stretches: int  # of healthy running that the threshold was read from
    extrapolated_decades: float  # from there to the rate asked for


def path(state_dir: Path, source: str) -> Path:
    return state_dir / f"baseline-{source}.json"


def load(state_dir: Path, source: str, frame: Frame) -> Baseline | None:
    """The source's baseline, None where it has none; `ConfigError` where it does not fit."""
    file = path(state_dir, source)
    again = "commission the source again, or delete the file"
    try:
        data = file.read_bytes()
        schema = json_input.decode(data, dict, max_bytes=MAX_BYTES).get("schema")
        if schema != SCHEMA:
            raise ConfigError(f"{file}: found schema {schema!r}, expected {SCHEMA!r}: {again}")
        found = json_input.decode(data, Baseline, max_bytes=MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not os.access(state_dir, os.X_OK):  # not our folder: whoever needs it will say so
            return None
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except json_input.JsonError as error:
        raise ConfigError(f"{file}: not a baseline ({error}): {again}") from None
    for key in Frame.__struct_fields__:
        was, now = getattr(found.frame, key), getattr(frame, key)
        if was != now:
            raise ConfigError(f"{file}: {key}: found {was}, expected {now} as it is now: {again}")
    return found


def save(baseline: Baseline, state_dir: Path) -> Path:
    """Writes it beside its predecessor and puts it in its place at once."""
    file = path(state_dir, baseline.source)
    try:
        files.write(file, msgspec.json.format(msgspec.json.encode(baseline), indent=1))
        state_directory.give_to_owner(state_dir, file)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None
    return file
