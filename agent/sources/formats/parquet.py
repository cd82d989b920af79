"""Reads Parquet, through pyarrow, a row group's pages at a time.

A column of numbers is a channel. A first column that is named like a time, or holds time stamps,
gives the rate; else the file's metadata does (`rate_hz`, `fs` ...). A column's metadata may have
its `unit`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agent.sources.formats import sampling, signals
from agent.sources.formats.recording import Array, ReadAt, Recording, from_reader
from agent.sources.formats.signals import Signal

BATCH = 1 << 16  # rows


def open_file(path: Path, variable: str) -> Recording:
    """`DataError` where no columns are numbers, or the times are not steady."""
    file = pq.ParquetFile(path)
    schema, rows = file.schema_arrow, file.metadata.num_rows
    time = _time(schema)
    rate = signals.rate_hz(_texts(schema.metadata))
    if time is not None:
        rate = sampling.rate_hz(path, _seconds(file, schema.field(time)))
    names = [field.name for field in schema if _is_number(field.type) and field.name != time]
    described = [Signal(name, rows, rate, _unit(schema.field(name))) for name in names]
    chosen = signals.choose(path, described, variable)
    fields = [schema.field(names[at]) for at in chosen]
    dtype = np.result_type(*(field.type.to_pandas_dtype() for field in fields))
    units = [described[at].unit for at in chosen]
    read_at = _reader(file, [field.name for field in fields])
    names = [field.name for field in fields]
    return from_reader(read_at, dtype, (rows, len(fields)), rate, units=units, names=names)


def _reader(file: pq.ParquetFile, names: list[str]) -> ReadAt:
    """Reads rows one after another: the rows that it is asked for follow those before."""
    batches: Iterator[pa.RecordBatch] = file.iter_batches(BATCH, columns=names, use_threads=False)
    rest: Array = np.zeros((0, len(names)))

    def read_at(first: int, end: int) -> Array:
        nonlocal rest
        parts, missing = [rest], end - first - len(rest)
        while missing > 0 and (batch := next(batches, None)) is not None:
            parts.append(_numbers(batch, names))
            missing -= len(parts[-1])
        rows = np.concatenate([part for part in parts if len(part)] or parts)
        rest = rows[end - first :]
        return rows[: end - first]

    return read_at


def _numbers(batch: pa.RecordBatch, names: list[str]) -> Array:
    """The columns [rows, columns]; what is null is NaN, which the agent marks."""
    columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
    return np.stack(columns, axis=1)


def _time(schema: pa.Schema) -> str | None:
    """The name of the first column, where it is one of times."""
    if len(schema) < 2:
        return None
    first = schema.field(0)
    is_time = pa.types.is_timestamp(first.type) or sampling.TIME.fullmatch(first.name)
    return first.name if is_time else None


def _seconds(file: pq.ParquetFile, field: pa.Field) -> sampling.Numbers:
    column = file.read(columns=[field.name], use_threads=False).column(0)
    if pa.types.is_timestamp(field.type):
        stamps = column.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
        return np.asarray(stamps - stamps[:1], np.float64) * 1e-9
    match = sampling.TIME.fullmatch(field.name)
    unit = (match and match[1]) or _unit(field) or "s"
    counts = np.asarray(column.to_numpy(), np.float64)
    return counts * sampling.unit_s(unit)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _unit(field: pa.Field) -> str | None:
    return signals.unit(_texts(field.metadata))


def _texts(metadata: dict[bytes, bytes] | None) -> dict[str, str]:
    items = (metadata or {}).items()
    return {name.decode(errors="replace"): text.decode(errors="replace") for name, text in items}
