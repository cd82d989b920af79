"""Secrets that systemd passes to the service, whose files only root may read.

The unit says `LoadCredential=secret:/etc/drsn-agent/secrets`: for as long as the service runs, each
file there is under `$CREDENTIALS_DIRECTORY` as `secret_<name>` (systemd.exec(5)). A configuration
names the original file, and so holds for root at a terminal and for the service.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

SECRETS = Path("/etc/drsn-agent/secrets")
LISTS = ("keys",)  # of files; any other key of a file ends in `_file`

Record = TypeVar("Record", bound=msgspec.Struct)


def resolve(record: Record) -> Record:
    """The record with each file in `SECRETS` replaced by the copy that systemd made.

    In every record below it, too: each text, or text in a list, that is a path there.
    """
    values = ((key, getattr(record, key)) for key in record.__struct_fields__)
    return msgspec.structs.replace(record, **{key: _resolved(value) for key, value in values})


def files(record: msgspec.Struct, path: str = "") -> Iterator[tuple[str, str]]:
    """(key path, file) of each file that the record names."""
    for key in record.__struct_fields__:
        value, where = getattr(record, key), f"{path}.{key}".removeprefix(".")
        if isinstance(value, msgspec.Struct):
            yield from files(value, where)
        elif isinstance(value, str) and key.endswith("_file"):
            yield where, value
        elif isinstance(value, tuple) and key in LISTS:
            yield from ((f"{where}[{at}]", file) for at, file in enumerate(value))


def readable(file: str) -> bool:
    """Whether the file exists and this process may read it."""
    return os.access(file, os.R_OK, effective_ids=True) and Path(file).is_file()


def _resolved(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return resolve(value)
    if isinstance(value, tuple):
        return tuple(_resolved(item) for item in value)
    return _copy_of(value) if isinstance(value, str) else value


def _copy_of(file: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None or Path(file).parent != SECRETS:
        return file
    copy = Path(folder) / f"secret_{Path(file).name}"
    return str(copy) if copy.is_file() else file
