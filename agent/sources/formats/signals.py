"""Which of a file's signals are the recording's channels, and what a file says of rate and unit."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agent.core.errors import DataError

SHORTEST = 64  # numbers: a shorter array is a setting, not a signal
MOST_CHANNELS = 255
MOST_NAMED = 8  # in a message
RATES = ("fs", "sr", "rate_hz", "sample_rate", "samplerate", "sampling_rate", "samplingrate")
UNIT_NAMES = ("unit", "units", "unit_string")
# How units of acceleration are written; others stay as they are.
SPELLINGS = {
    "m/s2": ("m/s^2", "m/s**2", "m/s²", "m/(s^2)", "m/s/s", "ms-2", "m s-2", "m/sec^2", "m/sec2"),
    "g": ("gn", "g_n", "g's", "gs", "[g]", "grav"),
}
LONGEST_UNIT = 20  # characters


class Signal(msgspec.Struct, frozen=True):
    """One signal of a file."""

    name: str
    frames: int
    rate_hz: float | None = None
    unit: str | None = None


def choose(path: Path, signals: Sequence[Signal], variable: str) -> list[int]:
    """The positions of the recording's channels among the file's signals.

    Those whose name matches `variable`, or all; `DataError` where there is none, and where they
    differ in length or rate.
    """
    chosen = [
        at
        for at, signal in enumerate(signals)
        if signal.frames >= SHORTEST and (not variable or fnmatchcase(signal.name, variable))
    ]
    kinds = {(signals[at].frames, signals[at].rate_hz) for at in chosen}
    if len(kinds) == 1 and len(chosen) <= MOST_CHANNELS:
        return chosen
    named = _names([signals[at] for at in chosen] or signals)
    if not chosen:
        expected = f"one that matches {variable!r}" if variable else "one of 64 numbers or more"
        raise DataError(f"{path}: found no signal{named}, expected {expected}")
    if len(kinds) == 1:
        raise DataError(f"{path}: found {len(chosen)} signals, expected at most {MOST_CHANNELS}")
    raise DataError(
        f"{path}: found signals of different length or rate{named}, "
        "expected those of one recording: variable: 'NAME' or a pattern"
    )


def _names(signals: Sequence[Signal]) -> str:
    shown = [f"{signal.name} [{signal.frames}]" for signal in signals[:MOST_NAMED]]
    more = f" and {len(signals) - MOST_NAMED} more" if len(signals) > MOST_NAMED else ""
    return f" among {', '.join(shown)}{more}" if shown else ""


def rate_hz(properties: Mapping[str, Any]) -> float | None:
    """The sampling rate among what a file says of itself, by its usual names."""
    for name, value in properties.items():
        if name.lower() in RATES and np.size(value) == 1:
            rate = _number(value)
            if rate is not None:
                return rate
    return None


def unit(properties: Mapping[str, Any]) -> str | None:
    """The unit among what a file says of a signal."""
    for name, value in properties.items():
        if name.lower() in UNIT_NAMES:
            return unit_of(value)
    return None


def unit_of(text: object) -> str | None:
    """A unit as the agent writes it; None for none, and for what is no unit."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    words = words.strip().strip("[]()").strip()
    if not words.isprintable() or not 0 < len(words) <= LONGEST_UNIT or words.upper() == "NONE":
        return None
    lower = words.lower()
    for own, spellings in SPELLINGS.items():
        if lower == own or lower in spellings:
            return own
    return words


def _number(value: object) -> float | None:
    """A rate in Hz; None for what is none."""
    try:
        if isinstance(value, bytes | str):
            number = float(value)
        else:
            number = float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None
