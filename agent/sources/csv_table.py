"""A table of numbers in a text file (CSV), one column for each channel.

A first line of column names and a first column of times are optional.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.errors import DataError

Numbers = npt.NDArray[np.float64]
# "t", "Time", "time_s", "Time (ms)", "time [us]": a first column of that name is the time.
_TIME = re.compile(r"(?:t|time)(?:[\s_]*[(\[]?(s|sec|seconds|ms|us|µs)[)\]]?)?", re.IGNORECASE)
_UNIT_S = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6}
COMMENTS = "#%"
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])", re.IGNORECASE)  # as Excel writes it


class Layout(msgspec.Struct, frozen=True):
    """What stands above the numbers."""

    skip: int  # lines before the first row of numbers
    separator: str | None  # None: blanks
    trailing: bool  # a separator ends each row
    names: list[str]  # empty without a line of names
    units: list[str]  # empty without a line of units


def read(path: Path) -> tuple[npt.NDArray[np.float32], float | None]:
    """Numbers [frames, channels], and the rate in Hz where the first column is named time.

    Columns are separated by commas, semicolons or blanks, numbers may be quoted. Lines of comments
    (`#`, `%`), `sep=;`, one line of names and one of units may come first. `DataError` for anything
    else, and for a time column whose steps differ.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            layout = _layout(lines)
        if layout is None:
            raise DataError(f"{path}: found no rows, expected numbers [frames, channels]")
        numbers = _numbers(path, layout)
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of numbers: {error}") from None
    names = layout.names or [""]
    time = _TIME.fullmatch(names[0]) if numbers.shape[1] > 1 else None
    if time is None:
        return numbers.astype(np.float32), None
    unit = time[1] or next(iter(layout.units), "s")
    seconds = numbers[:, 0] * _UNIT_S.get(unit.strip("[]() ").lower(), 1.0)
    return numbers[:, 1:].astype(np.float32), _rate_hz(path, seconds)


def names(path: Path) -> tuple[str, ...]:
    """The names of the columns of a table that can be read; empty without a line of names."""
    with path.open(encoding="utf-8-sig") as lines:
        layout = _layout(lines)
    return () if layout is None else tuple(layout.names)


def _numbers(path: Path, layout: Layout) -> Numbers:
    with path.open(encoding="utf-8-sig") as lines:
        mark = layout.separator or ""
        rows = (line.rstrip().removesuffix(mark) for line in lines) if layout.trailing else lines
        return np.loadtxt(
            rows, np.float64, delimiter=mark or None, skiprows=layout.skip, quotechar='"', ndmin=2
        )


def _layout(lines: Iterable[str]) -> Layout | None:
    """What stands above the first row of numbers, or of what should be one; None: no row comes."""
    separator: str | None = None
    fixed = False  # by a line `sep=;`
    texts: list[list[str]] = []  # names, units
    for skip, line in enumerate(lines):
        text = line.strip("\r\n")
        if not text.strip() or text.lstrip()[0] in COMMENTS:
            continue
        if skip == 0 and (mark := _SEPARATOR_LINE.fullmatch(text.strip('"'))):
            separator, fixed = mark[1], True
            continue
        if not (fixed or texts):
            separator = next((mark for mark in ",;\t" if mark in text), None)
        fields = [field.strip().strip('"').strip() for field in text.split(separator)]
        if len(texts) == 2 or not _are_text(fields) or (texts and len(fields) != len(texts[0])):
            names, units = [*texts, [], []][:2]
            trailing = not fields[-1] and (len(fields) > len(names) or not names[-1])
            return Layout(skip, separator, trailing, names, units)
        texts.append(fields)
    return None


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


def _are_text(fields: list[str]) -> bool:
    """Whether none of them is a number, as in a line of names or units."""
    return not any(_is_number(field) for field in fields)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
