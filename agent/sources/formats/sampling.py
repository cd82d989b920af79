"""The sampling rate behind a column of times or a rounded step."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.errors import DataError

Numbers = npt.NDArray[np.float64]
# "t", "Time", "time_s", "Time (ms)", "time [us]": a first column of that name is the time.
TIME = re.compile(r"(?:t|time)(?:[\s_]*[(\[]?(s|sec|seconds|ms|us|µs)[)\]]?)?", re.IGNORECASE)
_UNIT_S = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6}


def unit_s(unit: str) -> float:
    """What one count of a time column is, in seconds."""
    return _UNIT_S.get(unit.strip("[]() ").lower(), 1.0)


def rate_hz(path: Path, seconds: Numbers) -> float:
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
    return roundest(1 / step_s, within=float(off.max()) / (seconds[-1] - seconds[0]) + 1e-9)


def roundest(rate: float, within: float) -> float:
    """The number with the fewest digits that is so near: rounded times make 9999.7 Hz of 10 kHz."""
    numbers = (float(f"{rate:.{digits}g}") for digits in range(1, 12))
    return next((number for number in numbers if abs(number / rate - 1) <= within), rate)
