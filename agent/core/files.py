"""Files that are there whole or not at all, whatever ends the process or the power."""

import os
from pathlib import Path

from agent.core.errors import UserError


def take(file: Path, most_bytes: int) -> bytes:
    """A file that was handed over: no link, and no more than `most_bytes`; `UserError`."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            data = opened.read(most_bytes + 1)
    except OSError as error:
        raise UserError(f"{file.name}: cannot be read: {error.strerror}") from None
    if len(data) > most_bytes:
        raise UserError(f"{file.name}: found more than {most_bytes} bytes (rollout.max_mib)")
    return data


def make(folder: Path) -> None:
    """With those above it, each on the disk."""
    if folder.is_dir():
        return
    make(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def write(file: Path, data: bytes) -> None:
    """Whole or not at all, also after a power cut."""
    new = file.with_name(f"{file.name}.new")
    with new.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
    sync(file.parent)


def sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
