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
from agent.sources.formats import sampling, signals
from agent.sources.formats.recording import Recording, from_array

Numbers = npt.NDArray[np.float64]
COMMENTS = "#%"
MARKS = (";", "\t", ",", None)  # between columns, None: blanks; a comma may be in the numbers
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])", re.IGNORECASE)  # as Excel writes it


class Row(msgspec.Struct, frozen=True):
    """The fields of a line."""

    separator: str | None  # None: blanks
    fields: list[str]
    numbers: int  # how many of them are numbers

    @property
    def all_numbers(self) -> bool:
        return self.numbers == sum(map(bool, self.fields))


class Layout(msgspec.Struct, frozen=True):
    """What stands above the numbers."""

    skip: int  # lines before the first row of numbers
    separator: str | None  # None: blanks
    decimal_comma: bool
    trailing: bool  # a separator ends each row
    names: list[str]  # empty without a line of names
    units: list[str]  # empty without a line of units


def read(path: Path) -> Recording:
    """A column a channel; the rate where the first column is named time, units where they stand.

    Columns are separated by commas, semicolons, tabs or blanks, numbers may be quoted and, unless
    commas separate, have decimal commas. Lines of comments (`#`, `%`), `sep=;`, one line of names
    and one of units may come first. `DataError` for anything else, and for a time column whose
    steps differ.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            layout = _layout(lines)
        if layout is None:
            raise DataError(f"{path}: found no rows, expected numbers [frames, channels]")
        numbers = _numbers(path, layout)
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of numbers: {error}") from None
    columns = numbers.shape[1]
    names = layout.names[:columns] if len(layout.names) >= columns else []
    units = [signals.unit_of(unit) for unit in layout.units[:columns]]
    time = sampling.TIME.fullmatch(layout.names[0]) if layout.names and columns > 1 else None
    if time is None:
        return from_array(numbers.astype(np.float32), None, units, names)
    unit = time[1] or next(iter(layout.units), "s")
    seconds = numbers[:, 0] * sampling.unit_s(unit)
    rate_hz = sampling.rate_hz(path, seconds)
    return from_array(numbers[:, 1:].astype(np.float32), rate_hz, units[1:], names[1:])


def _numbers(path: Path, layout: Layout) -> Numbers:
    with path.open(encoding="utf-8-sig") as lines:
        mark = layout.separator or ""
        rows: Iterable[str] = lines
        if layout.trailing:
            rows = (line.rstrip().removesuffix(mark) for line in rows)
        if layout.decimal_comma:
            rows = (line.replace(",", ".") for line in rows)
        return np.loadtxt(
            rows, np.float64, delimiter=mark or None, skiprows=layout.skip, quotechar='"', ndmin=2
        )


def _layout(lines: Iterable[str]) -> Layout | None:
    """What stands above the first row of numbers, or of what should be one; None: no row comes."""
    marks: tuple[str | None, ...] = MARKS
    above: list[str] = []  # names, units
    for skip, line in enumerate(lines):
        text = line.strip("\r\n")
        if not text.strip() or text.lstrip()[0] in COMMENTS:
            continue
        if skip == 0 and (mark := _SEPARATOR_LINE.fullmatch(text.strip('"'))):
            marks = (mark[1],)
            continue
        row = _row(text, marks)
        if len(above) == 2 or row.numbers or (above and _width(above[0], row) != len(row.fields)):
            return _described(skip, row, [_fields(line, row.separator) for line in above])
        above.append(text)
    return None


def _described(skip: int, row: Row, above: list[list[str]]) -> Layout:
    """`row` is the first of numbers, `above` are the lines of names and of units."""
    names, units = [*above, [], []][:2]
    fields = row.fields
    trailing = not fields[-1] and (len(fields) > len(names) or not names[-1])
    comma = row.separator != "," and any("," in field for field in fields)
    return Layout(skip, row.separator, comma, trailing, names, units)


def _row(text: str, marks: tuple[str | None, ...]) -> Row:
    """The line, split by the first mark that leaves numbers alone, else by the first in it."""
    rows = [_split(text, mark) for mark in marks if mark is None or mark in text]
    rows = rows or [_split(text, marks[0])]
    return next((row for row in rows if row.numbers and row.all_numbers), _first(rows, text))


def _first(rows: list[Row], text: str) -> Row:
    """Of a line that is not numbers alone: by commas, semicolons or tabs, else by blanks."""
    by_mark = {row.separator: row for row in rows}
    return next((by_mark[mark] for mark in ",;\t" if mark in by_mark), rows[0])


def _split(text: str, separator: str | None) -> Row:
    fields = _fields(text, separator)
    commas = separator != ","
    return Row(separator, fields, sum(_is_number(field, commas) for field in fields))


def _fields(text: str, separator: str | None) -> list[str]:
    return [field.strip().strip('"').strip() for field in text.split(separator)]


def _width(text: str, row: Row) -> int:
    return len(_fields(text, row.separator))


def _is_number(field: str, decimal_comma: bool) -> bool:
    try:
        float(field.replace(",", ".") if decimal_comma else field)
    except ValueError:
        return False
    return True
