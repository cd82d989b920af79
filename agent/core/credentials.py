"""Secrets that systemd hands over: files that only root may read, and this process without them.

The unit says `LoadCredential=secret:/etc/drsn-agent/secrets`: for as long as the service runs, each
file there is under `$CREDENTIALS_DIRECTORY` as `secret_<name>` (systemd.exec(5)). A configuration
names the file itself, so that it holds for root at a terminal as for the service.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

SECRETS = Path("/etc/drsn-agent/secrets")

Record = TypeVar("Record", bound=msgspec.Struct)


def resolve(record: Record) -> Record:
    """The record with each `*_file` in `SECRETS` replaced by what was handed over for it."""
    changes: dict[str, object] = {}
    for key in record.__struct_fields__:
        value = getattr(record, key)
        if isinstance(value, msgspec.Struct):
            changes[key] = resolve(value)
        elif key.endswith("_file") and value is not None:
            changes[key] = _handed_over(value)
    return msgspec.structs.replace(record, **changes)


def readable(file: str) -> bool:
    """Whether there is such a file, and we may read it."""
    return os.access(file, os.R_OK) and Path(file).is_file()


def _handed_over(file: str) -> object:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None or Path(file).parent != SECRETS:
        return file
    given = Path(folder) / f"secret_{Path(file).name}"
    return str(given) if given.is_file() else file
