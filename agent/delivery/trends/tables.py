"""The tables of the file and the statements on them. Pure.

The tables `minute`, `hour` and `day` have the same columns: a row for each source and channel, how
many measurements had each decision, and of each level the least, the mean and the largest value
and how many measurements had it. A row is written as a whole or merged into the one that is there,
exactly. Rows begin with their time: the newest are written side by side, the oldest go together.
"""

import math

from agent.delivery import bounded_file
from agent.delivery.trends.levels import DECISIONS, LEVELS, Level, Summary

APPLICATION_ID = 0x6472_736E  # "drsn"
VERSION = 3
SPANS_S = {"minute": 60, "hour": 3600, "day": 86400}  # in the order in which rows are given up

Row = tuple[int | float | None, ...]

_KEY = ("start_s", "source", "channel")


def columns() -> list[str]:
    """Of each table, in order."""
    endings = ("min", "mean", "max", "count")
    return [*_KEY, *DECISIONS, *(f"{level}_{ending}" for level in LEVELS for ending in endings)]


def schema() -> str:
    """The script that makes an empty file."""
    key = ", ".join(_KEY)
    names = ", ".join(f"{name} INTEGER NOT NULL" for name in _KEY)
    values = ", ".join(columns()[len(_KEY) :])
    tables = "".join(
        f"CREATE TABLE {table} ({names}, {values}, PRIMARY KEY ({key})) WITHOUT ROWID;\n"
        for table in SPANS_S
    )
    return (
        f"{bounded_file.marks(APPLICATION_ID, VERSION)}\n"
        "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL, "
        f"UNIQUE (name, unit));\n{tables}"
    )


def upsert(table: str) -> str:
    """Inserts a row, or merges it into the one of the same time, source and channel."""
    names = columns()
    changes = [f"{name} = {name} + excluded.{name}" for name in DECISIONS]
    for level in LEVELS:
        changes += _merged(level)
    return (
        f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(changes)}"
    )


def _merged(level: str) -> list[str]:
    mean, count = f"{level}_mean", f"{level}_count"
    total = f"{mean} * {count} + excluded.{mean} * excluded.{count}"
    both = {
        f"{level}_min": f"min({level}_min, excluded.{level}_min)",
        mean: f"({total}) / ({count} + excluded.{count})",
        f"{level}_max": f"max({level}_max, excluded.{level}_max)",
        count: f"{count} + excluded.{count}",
    }
    return [
        f"{name} = coalesce({merged}, {name}, excluded.{name})" for name, merged in both.items()
    ]


def delete_oldest(table: str) -> str:
    """Deletes so many of a table's oldest rows."""
    key = ", ".join(_KEY)
    oldest = f"SELECT {key} FROM {table} ORDER BY {key} LIMIT ?"
    return f"DELETE FROM {table} WHERE ({key}) IN ({oldest})"


def row(start_s: int, source: int, channel: int, summary: Summary) -> Row:
    """A row in the order of the columns."""
    values: list[int | float | None] = [start_s, source, channel]
    values += [summary.decisions.get(decision, 0) for decision in DECISIONS]
    for name in LEVELS:
        level = summary.levels.get(name)
        if level is None:
            values += [None] * 4
        else:
            values += [level.lowest, level.mean, level.highest, level.count]
    return tuple(values)


def summary(values: Row) -> Summary:
    """The summary of a row, without its key; what is no number there is left out."""
    counts = dict(zip(DECISIONS, values, strict=False))
    decisions = {name: count for name, count in counts.items() if isinstance(count, int) and count}
    levels: dict[str, Level] = {}
    for at, name in enumerate(LEVELS):
        first = len(DECISIONS) + 4 * at
        match values[first : first + 4]:
            case (float(low), float(mean), float(high), int(count)):
                if math.isfinite(low + mean + high):
                    levels[name] = Level(low, mean, high, count)
    return Summary(decisions, levels)
