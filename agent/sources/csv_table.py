"""A table of numbers in a text file (CSV), one column for each channel.

A first line of column names and a first column of times are optional.
"""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.errors import DataError

Numbers = npt.NDArray[np.float64]
# "t", "Time", "time_s", "Time (ms)", "time [us]": a first column of that name is the time.
_TIME = re.compile(r"(?:t|time)(?:[\s_]*[(\[]?(s|sec|seconds|ms|us|µs)[)\]]?)?", re.IGNORECASE)
_UNIT_S = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6}


def read(path: Path) -> tuple[npt.NDArray[np.float32], float | None]:
    """Numbers [frames, channels], and the rate in Hz where the first column is named time.

    Columns are separated by commas, semicolons or blanks; one line of names may come first.
    `DataError` for anything else, and for a time column whose steps differ.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            head = lines.readline()
        separator = next((mark for mark in ",;\t" if mark in head), None)
        names = [name.strip().strip('"') for name in head.split(separator)] or [""]
        named = not _are_numbers(names)
        with path.open(encoding="utf-8-sig") as lines:
            numbers = np.loadtxt(
                lines, np.float64, delimiter=separator, skiprows=int(named), ndmin=2
            )
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of numbers: {error}") from None
    if not numbers.size:
        raise DataError(f"{path}: found no rows, expected numbers [frames, channels]")
    time = _TIME.fullmatch(names[0]) if named and numbers.shape[1] > 1 else None
    if time is None:
        return numbers.astype(np.float32), None
    seconds = numbers[:, 0] * _UNIT_S.get((time[1] or "s").lower(), 1.0)
    return numbers[:, 1:].astype(np.float32), _rate_hz(path, seconds)


def _rate_hz(path: Path, seconds: Numbers) -> float:
    """The mean rate; `DataError` where a row is a step or more away from steady sampling."""
    steps = len(seconds) - 1
    if steps < 1 or not seconds[-1] > seconds[0]:
        raise DataError(f"{path}: time column: found no time that grows, expected seconds")
    step_s = (seconds[-1] - seconds[0]) / steps
    off = np.abs(seconds - seconds[0] - step_s * np.arange(len(seconds)))
    if not off.max() < step_s:
        row = int(np.argmax(~(off < step_s)))
        raise DataError(
            f"{path}: time column: found steps that differ (row {row} of the numbers), "
            "expected steady sampling"
        )
    return _roundest(1 / step_s, within=float(off.max()) / (seconds[-1] - seconds[0]) + 1e-9)


def _roundest(rate_hz: float, within: float) -> float:
    """The number with the fewest digits that is so near: rounded times make 9999.7 Hz of 10 kHz."""
    numbers = (float(f"{rate_hz:.{digits}g}") for digits in range(1, 12))
    return next((number for number in numbers if abs(number / rate_hz - 1) <= within), rate_hz)


def _are_numbers(fields: list[str]) -> bool:
    try:
        return bool([float(field) for field in fields if field])
    except ValueError:
        return False
