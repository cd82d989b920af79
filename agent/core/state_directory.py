"""The state directory belongs to one process at a time."""

import fcntl
import os
from pathlib import Path

from agent.core.errors import ConfigError


def claim(folder: Path, key: str = "agent.state_dir") -> int:
    """The lock, held until it is closed or the process ends; `ConfigError` where it cannot be.

    `key` is the user's name for the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        own(folder, folder / "lock")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"{key}: {folder} is in use by another agent") from None
    except OSError as error:
        reason = error.strerror
        raise ConfigError(f"{key}: {folder} cannot be written: {reason}") from None
    return lock


def in_use(folder: Path) -> bool:
    """Whether an agent holds the state directory."""
    try:
        with (folder / "lock").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def own(state_dir: Path, *made: Path) -> None:
    """What root has made there is the agent's, whose user need not be root."""
    if os.geteuid() != 0:
        return
    status = state_dir.stat()
    for each in made:
        os.chown(each, status.st_uid, status.st_gid, follow_symlinks=False)
