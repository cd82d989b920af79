"""The lock on the state directory: one process at a time uses it."""

import fcntl
import os
from pathlib import Path

from agent.core.errors import ConditionError


def claim(folder: Path, key: str = "agent.state_dir") -> int:
    """Takes the lock until it is closed or the process ends; `ConditionError` where it cannot.

    `key` is the user's name for the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        give_to_owner(folder, folder / "lock")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConditionError(f"{key}: {folder} is in use by another agent") from None
    except OSError as error:
        reason = error.strerror
        raise ConditionError(f"{key}: {folder} cannot be written: {reason}") from None
    return lock


def in_use(folder: Path) -> bool:
    """Whether an agent holds the state directory."""
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def give_to_owner(state_dir: Path, *paths: Path) -> None:
    """Gives files that root has made there to the directory's owner, who need not be root."""
    if os.geteuid() != 0:
        return
    status = state_dir.stat()
    for path in paths:
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
