"""The state directory: the lock by which one process at a time uses it, and its owner.

Root may run verbs on a directory that belongs to the service's user, who may have put links there.
So root writes there as that user (`as_owner`): the kernel then refuses whatever the user may not.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from agent.core import files
from agent.core.errors import ConditionError

RESTORING = "restoring"  # a folder in it, for as long as a restore moves files


def claim(folder: Path, key: str = "agent.state_dir", *, restoring: bool = False) -> int:
    """Takes the lock until it is closed or the process ends; `ConditionError` where it cannot.

    `key` is the user's name for the folder. Where a restore was interrupted, only a restore
    (`restoring`) may have it.
    """
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with as_owner(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / "lock", flags, 0o600)
    except OSError as error:
        reason = error.strerror
        raise ConditionError(f"{key}: {folder} cannot be written: {reason}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        busy = isinstance(error, BlockingIOError)
        reason = "is in use by another agent" if busy else f"cannot be locked: {error.strerror}"
        raise ConditionError(f"{key}: {folder} {reason}") from None
    if not restoring and (folder / RESTORING).is_dir():
        os.close(lock)
        raise ConditionError(
            f"{key}: {folder}: a restore was interrupted: run `drsn-agent restore` again"
        )
    return lock


def in_use(folder: Path) -> bool:
    """Whether an agent holds the state directory."""
    try:
        with files.open_regular(folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """Root acts as the owner of `folder` meanwhile; any other user as before."""
    owner = _owner(folder) if os.geteuid() == 0 else None
    if owner is None:
        yield
        return
    with acting_as(*owner):
        yield


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Root acts as that user and group alone meanwhile.

    Not for a process with other threads at work: all of them change their user.
    """
    groups, gid_before = os.getgroups(), os.getegid()
    try:
        os.setgroups([])
        os.setegid(gid)
        os.seteuid(uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid_before)
        os.setgroups(groups)


def _owner(folder: Path) -> tuple[int, int] | None:
    """User and group of the first part of the path, from `/` on, that is not root's.

    Below it nothing can be trusted: its owner may have put a link there. None: all is root's.
    """
    path = folder.absolute()
    for part in (*reversed(path.parents), path):
        try:
            status = part.lstat()
        except OSError:
            return None
        if status.st_uid != 0:
            return status.st_uid, status.st_gid
    return None
