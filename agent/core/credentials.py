"""Secrets that systemd passes to the service, whose files only root may read.

The unit says `LoadCredential=secret:/etc/drsn-agent/secrets`: for as long as the service runs, each
file there is under `$CREDENTIALS_DIRECTORY` as `secret_<name>` (systemd.exec(5)). A configuration
names the original file, and so holds for root at a terminal and for the service.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

SECRETS = Path("/etc/drsn-agent/secrets")

Record = TypeVar("Record", bound=msgspec.Struct)


def resolve(record: Record) -> Record:
    """The record with each `*_file` in `SECRETS` replaced by the copy that systemd made."""
    changes: dict[str, object] = {}
    for key in record.__struct_fields__:
        value = getattr(record, key)
        if isinstance(value, msgspec.Struct):
            changes[key] = resolve(value)
        elif key.endswith("_file") and value is not None:
            changes[key] = _copy_of(value)
    return msgspec.structs.replace(record, **changes)


def readable(file: str) -> bool:
    """Whether the file exists and this process may read it."""
    return os.access(file, os.R_OK) and Path(file).is_file()


def _copy_of(file: str) -> object:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None or Path(file).parent != SECRETS:
        return file
    copy = Path(folder) / f"secret_{Path(file).name}"
    return str(copy) if copy.is_file() else file
