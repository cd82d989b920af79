"""The files of a state directory, copied as they are at one moment although the agent runs.

A SQLite file is copied by SQLite's backup interface, any other was written whole or not at all.
Files that belong together (a standing and its model) must all be of one moment, so they are copied
again until none has changed meanwhile. No link is followed.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from agent.config.agent import OUTBOX
from agent.core import files
from agent.core.errors import ConditionError
from agent.delivery import outbox_copy
from agent.jobs.backup import manifest
from agent.pipeline.fault_clips import FOLDER as EVIDENCE

TRIES = 5  # to find no file changed while they are copied
WAIT_S = 10.0  # for a SQLite file that another process holds

Stamps = dict[str, tuple[int, int, int]]  # inode, bytes and time of change of each file


def copy(state_dir: Path, target: Path, *, running: bool) -> None:
    """Copies all files but clips into the empty folder `target`; `ConditionError`, `OSError`."""
    _copy_files(state_dir, target)
    for name in names(state_dir):
        if name == OUTBOX and running:  # the agent holds it for itself
            shutil.move(outbox_copy.request(state_dir), target / name)
        elif name.endswith(".sqlite"):
            _copy_database(state_dir / name, target / name)


def names(state_dir: Path) -> list[str]:
    """Names of its files, relative to it, without clips; sorted."""
    return sorted(name for name in _walk(state_dir) if not name.startswith(f"{EVIDENCE}/"))


def clip_names(state_dir: Path) -> list[str]:
    """Names of the clips, relative to the state directory; sorted."""
    return sorted(f"{EVIDENCE}/{name}" for name in _walk(state_dir / EVIDENCE))


def _walk(folder: Path) -> Iterator[str]:
    for parent, _folders, file_names in os.walk(folder, followlinks=False):
        for file_name in file_names:
            path = Path(parent, file_name)
            name = path.relative_to(folder).as_posix()
            if manifest.is_state_name(name) and path.is_file() and not path.is_symlink():
                yield name


def _copy_files(state_dir: Path, target: Path) -> None:
    for _ in range(TRIES):
        before = _stamps(state_dir)
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile: once more
            for name in before:
                _copy_file(state_dir / name, target / name)
            if _stamps(state_dir) == before:
                return
        shutil.rmtree(target)
        target.mkdir()
    raise ConditionError(f"agent.state_dir: {state_dir}: changes all the time: try again")


def _stamps(state_dir: Path) -> Stamps:
    stamps: Stamps = {}
    for name in names(state_dir):
        if not name.endswith(".sqlite"):
            status = (state_dir / name).lstat()
            stamps[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return stamps


def _copy_file(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.open_regular(file) as stream, target.open("xb") as out:
        shutil.copyfileobj(stream, out)


def _copy_database(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    address = f"file:{quote(str(file.absolute()))}?mode=ro"
    try:
        with (
            contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_S)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        raise ConditionError(f"{file}: cannot be copied: {error}") from None
