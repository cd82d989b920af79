"""Tables of numbers as loggers and spreadsheets write them."""

from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import DataError
from agent.core.types import Samples
from agent.sources import csv_table

VALUES = np.array([0.5, -1.25, 3.0, 0.125], np.float32)
ROWS = [(f"{at / 1000:.4f}", f"{value}") for at, value in enumerate(VALUES)]


def read(path: Path) -> tuple[Samples, float | None]:
    recording = csv_table.read(path)
    return recording.read(1000), recording.rate_hz


def lines(form: str, *above: str) -> str:
    return "\n".join([*above, *(form.format(*row) for row in ROWS), ""])


def commas(text: str) -> str:
    return text.replace(".", ",")


TIMED = {
    "plain": lines("{},{}", "time,acc"),
    "comments": lines("{},{}", "# Logger v1", "% 2026", "", "time,acc"),
    "quotes": lines('"{}","{}"', '"time","acc"'),
    "a line of units": lines("{},{}", "time,acc", "s,g"),
    "a line of units in brackets": lines("{};{}", "Time;Acc", "[s];[g]"),
    "a trailing comma": lines("{},{},", "time,acc,"),
    "a trailing comma below names alone": lines("{},{},", "time,acc"),
    "sep=": lines("{};{}", "sep=;", "time;acc"),
    "quoted sep=": lines("{},{}", '"sep=,"', "time,acc"),
    "tabs": lines("{}\t{}", "time\tacc"),
    "decimal commas": commas(lines("{};{}", "time;acc")),
    "decimal commas and tabs": commas(lines("{}\t{}", "time\tacc", "s\tg")),
    "decimal commas and blanks": commas(lines("{} {}", "time acc")),
    "quoted decimal commas": commas(lines('"{}";"{}";', "sep=;", "time;acc;", "s;g;")),
    "commas in names": commas(lines("{};{}", "time;acc, front", "s;m/s^2")),
    "all of it": lines('"{}";"{}";', "sep=;", "# x", "time;acc;", "s;g;"),
}


@pytest.mark.parametrize("form", TIMED)
def test_a_table_is_read_whatever_stands_around_its_numbers(form: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(TIMED[form])
    numbers, rate_hz = read(path)
    assert np.array_equal(numbers[:, 0], VALUES)
    assert numbers.shape == (len(VALUES), 1)
    assert rate_hz == 1000.0


def test_a_line_of_units_says_what_the_time_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,acc\nms,g\n0,1\n2,2\n4,3\n")
    assert csv_table.read(path).rate_hz == 500.0


def test_a_line_of_units_is_that_of_the_channels(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time;x;y;z\ns;[m/s²];g;\n0;1,5;2;3\n0,5;2;2;3\n")
    assert csv_table.read(path).units == ("m/s2", "g", None)


def test_one_column_with_decimal_commas_is_two_as_nothing_tells_them_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("0,5\n1,5\n")
    assert csv_table.read(path).channels == 2


def test_comments_above_numbers_without_names_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("# Logger\n# rate 10000\n1,2\n3,4\n")
    numbers, rate_hz = read(path)
    assert (numbers.tolist(), rate_hz) == ([[1.0, 2.0], [3.0, 4.0]], None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only this\n", "time,acc\n", "sep=,\n", "a,b\ns,g\n"]
)
def test_a_table_without_rows_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.csv: found no rows"):
        csv_table.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,\n2,3\n",
        "1,\n2,3\n",
        "1,5\n2,x\n",
        "t,a\n0,1\n1\n",
        "a,b\nc,d\ne,f\n1,2\n",
        '"1,000.5",2\n3,4\n',
    ],
)
def test_a_table_with_text_among_its_numbers_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="not a table of numbers"):
        csv_table.read(path)
