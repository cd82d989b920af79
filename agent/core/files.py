"""Atomic, durable file writes. Every file that must survive a power cut is written here."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from agent.core.errors import UserError


def read_bounded(file: Path, max_bytes: int, limit: str) -> bytes:
    """The content of a file from outside; a symbolic link is not followed.

    `UserError` where it cannot be read or holds more than `max_bytes`, which the configuration key
    `limit` sets.
    """
    try:
        return read(file, max_bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:
            text = f"found more than {max_bytes} bytes ({limit})"
        else:
            text = f"cannot be read: {error.strerror}"
        raise UserError(f"{file.name}: {text}") from None


def read(file: Path, max_bytes: int) -> bytes:
    """The content of a regular file, not behind a link; `OSError`, EFBIG where it is larger."""
    with open_regular(file) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return data


def open_regular(file: Path) -> BinaryIO:
    """Opens a regular file for reading; neither follows a link nor waits for a FIFO; `OSError`."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    stream = os.fdopen(os.open(file, flags), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return stream


def make_folder(folder: Path) -> None:
    """Creates the folder and its parents, each synced to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write(file: Path, data: bytes | memoryview, mode: int = 0o666) -> None:
    """Replaces the file's content: after a crash or a power cut it is the old or the new one.

    `mode` is that of the new file, less the process's mask.
    `OSError` where the disk does not take it; nothing is left behind then.
    """
    new = file.with_name(f"{file.name}.new")
    try:
        new.unlink(missing_ok=True)  # of a process that was killed, or a link that was put there
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, mode), "wb") as stream:
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


def set_aside(file: Path) -> str:
    """Renames a file that cannot be used, for a person to look at; what to add to the log line."""
    broken = file.with_name(f"{file.name}.broken")
    try:
        file.rename(broken)
    except OSError as error:
        return f"cannot be set aside: {error.strerror}"
    return f"set aside as {broken.name}"
