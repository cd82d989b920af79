"""Atomic, durable file writes. Every file that must survive a power cut is written here."""

import contextlib
import os
from pathlib import Path

from agent.core.errors import UserError


def read_bounded(file: Path, max_bytes: int, limit: str) -> bytes:
    """The content of a file from outside; a symbolic link is not followed.

    `UserError` where it cannot be read or holds more than `max_bytes`, which the configuration key
    `limit` sets.
    """
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise UserError(f"{file.name}: cannot be read: {error.strerror}") from None
    if len(data) > max_bytes:
        raise UserError(f"{file.name}: found more than {max_bytes} bytes ({limit})")
    return data


def make_folder(folder: Path) -> None:
    """Creates the folder and its parents, each synced to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write(file: Path, data: bytes | memoryview) -> None:
    """Replaces the file's content: after a crash or a power cut it is the old or the new one.

    `OSError` where the disk does not take it; nothing is left behind then.
    """
    new = file.with_name(f"{file.name}.new")
    try:
        with new.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def move_into_place(finished: Path, file: Path) -> None:
    """Does the same for a file that a library has written under another name beside it."""
    with finished.open("rb+") as stream:
        os.fsync(stream.fileno())
    finished.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Makes what was created, renamed or removed in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
