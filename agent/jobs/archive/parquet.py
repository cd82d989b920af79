"""Writes records to Parquet. The columns are derived from the fields of the record."""

import types
import uuid
from pathlib import Path
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from agent.core import files
from agent.messages.records import Observation

RECORDING = "recording"  # the column before the record's own
ROW_GROUP = 4096
BATCH = 512  # rows that are kept as Python objects
UNFINISHED = ".new"

_PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema(record: type[msgspec.Struct] = Observation) -> pa.Schema:
    """The columns of a file of such records: `recording`, and then the record's fields."""
    return pa.schema([pa.field(RECORDING, pa.string(), nullable=False), *_fields(record)])


class Writer:
    """Writes a file that gets its name only when it is complete; use it in a `with`."""

    def __init__(self, path: Path, recording: str) -> None:
        self.rows = 0
        self._path = path
        self._recording = recording
        self._new = path.with_name(f"{path.stem}-{uuid.uuid4().hex}{UNFINISHED}")
        self._schema = schema()
        self._held: list[dict[str, Any]] = []
        self._group: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        self._file = pq.ParquetWriter(self._new, self._schema, compression="zstd")
        return self

    def append(self, record: Observation) -> None:
        self._held.append({RECORDING: self._recording} | msgspec.to_builtins(record))
        self.rows += 1
        if len(self._held) == BATCH:
            self._batch()
        if self.rows % ROW_GROUP == 0:
            self._write()

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            if failure is None:
                self._batch()
                self._write()
            self._file.close()
            if failure is None:
                files.move_into_place(self._new, self._path)
        finally:
            self._new.unlink(missing_ok=True)

    def _batch(self) -> None:
        self._group.append(pa.RecordBatch.from_pylist(self._held, self._schema))
        self._held = []

    def _write(self) -> None:
        table = pa.Table.from_batches(self._group, self._schema)
        if len(table):
            self._file.write_table(table, ROW_GROUP)
        self._group = []


def _fields(record: type[msgspec.Struct]) -> list[pa.Field]:
    hints = get_type_hints(record)
    return [
        _field(field.encode_name, hints[field.name]) for field in msgspec.structs.fields(record)
    ]


def _field(name: str, kind: Any) -> pa.Field:
    """The column of a field; nullable where the field may be None."""
    if get_origin(kind) not in (Union, types.UnionType):
        return pa.field(name, _type(kind), nullable=False)
    (only,) = [part for part in get_args(kind) if part is not types.NoneType]
    return pa.field(name, _type(only))


def _type(kind: Any) -> pa.DataType:
    """The column type of a field's type; `TypeError` for one that no record has yet."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin is Literal:
        return pa.string()
    if origin in (list, tuple):
        return pa.list_(_field("element", inner[0]))
    if origin is dict:
        return pa.map_(_type(inner[0]), _field("value", inner[1]))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return pa.struct(_fields(kind))
    raise TypeError(f"{kind} has no column type")
