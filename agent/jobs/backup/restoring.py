"""Puts an archive's state and configuration in place; what was there is kept beside it.

The new state is unpacked and checked whole before anything moves. A restore that is interrupted
while files move leaves a folder by which every agent knows (`state_directory.RESTORING`): it runs
again when the restore was run again.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from agent.config import yaml_file
from agent.config.agent import AGENT_ID, OUTBOX, Agent
from agent.core import files, state_directory
from agent.core.errors import ConditionError, DataError
from agent.core.state_directory import RESTORING
from agent.delivery.disk import DiskError
from agent.delivery.outbox import Limits, Outbox
from agent.jobs.backup.manifest import BEFORE, CONFIGURATION, SECRETS
from agent.jobs.backup.reading import Archive
from agent.messages import payloads

UNPACKED = "restoring.new"  # in the state directory, until all is checked
STAYS = ("lock", UNPACKED, RESTORING)


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did."""

    agent: str  # its id
    state_dir: Path
    files: int  # of the state
    before: Path | None  # the state that was there; None: there was none
    configuration_before: Path | None  # None: there was none, or the same
    secrets: tuple[Path, ...]


def restore(archive: Archive, configuration: Path) -> Restored:
    """Restores state, configuration (as the file `configuration`) and secrets; `UserError`.

    The state goes where the archive's configuration has it.
    """
    archive.check()
    by_name = {file.name: file for file in archive.manifest.files}
    text = archive.read(by_name[CONFIGURATION])
    tree = _tree(text)
    state_dir = Path(_text(tree, "agent", "state_dir") or Agent().state_dir)
    _check_folder(state_dir)
    lock = state_directory.claim(state_dir, restoring=True)
    try:
        with state_directory.as_owner(state_dir):
            unpacked = _unpack(archive, state_dir, tree)
            before = _move(unpacked, state_dir)
        configuration_before = _replace(configuration, text)
        secrets = tuple(_secrets(archive, configuration.parent / SECRETS))
        with state_directory.as_owner(state_dir):
            (state_dir / RESTORING).rmdir()
            files.sync_folder(state_dir)
    except OSError as error:
        where, why = error.filename or state_dir, error.strerror or error
        raise ConditionError(f"restore: {where}: {why}") from None
    finally:
        os.close(lock)
    return Restored(
        agent=archive.manifest.agent,
        state_dir=state_dir,
        files=len(archive.manifest.state_files()),
        before=before,
        configuration_before=configuration_before,
        secrets=secrets,
    )


def _tree(text: bytes) -> dict[str, Any]:
    """The values of the archive's configuration; `DataError`."""
    try:
        tree = yaml_file.parse(text.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise DataError(f"restore: the archive's configuration is not YAML: {why}") from None
    return tree if isinstance(tree, dict) else {}


def _text(tree: dict[str, Any], section: str, key: str) -> str | None:
    keys = tree.get(section)
    value = keys.get(key) if isinstance(keys, dict) else None
    return value if isinstance(value, str) else None


def _check_folder(state_dir: Path) -> None:
    """`ConditionError` for a folder that holds something else than an agent's state."""
    try:
        names = {path.name for path in state_dir.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConditionError(f"agent.state_dir: {state_dir}: {error.strerror}") from None
    if names and "lock" not in names:
        raise ConditionError(
            f"agent.state_dir: {state_dir}: found files and no agent's lock, expected an empty "
            "folder or the state of an agent"
        )


def _unpack(archive: Archive, state_dir: Path, tree: dict[str, Any]) -> Path:
    """The folder with the archive's state, checked and ready to be used."""
    unpacked = state_dir / UNPACKED
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        unpacked.mkdir()
        archive.unpack_state(unpacked)
        for file in sorted(unpacked.rglob("*.sqlite")):
            _check_database(file)
        _renew(unpacked, tree, archive.manifest.agent)
    except BaseException:
        shutil.rmtree(unpacked, ignore_errors=True)
        raise
    return unpacked


def _check_database(file: Path) -> None:
    """`DataError` for a file that SQLite cannot read."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as db:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict != "ok":
        raise DataError(f"restore: {file.name}: found {verdict!a}, expected a SQLite file")


def _renew(state: Path, tree: dict[str, Any], agent: str) -> None:
    """Begins a new epoch in the outbox, and keeps the agent's id where the host had given it."""
    if (state / OUTBOX).is_file():
        topics = payloads.Topics(_text(tree, "mqtt", "base") or "drsn", agent)
        try:
            outbox = Outbox(
                state / OUTBOX,
                Limits(),
                lambda epoch, gap: payloads.gap(topics, epoch, gap, time.time()),
            )
            outbox.begin_epoch()
            outbox.close()
        except (DiskError, sqlite3.Error) as error:
            raise ConditionError(f"restore: {OUTBOX}: {error}") from None
        if any(state.glob(f"{OUTBOX}.*")):  # set aside, as an agent does at its start
            raise DataError(f"restore: {OUTBOX}: found no outbox, expected one")
        (state / "reserve").unlink(missing_ok=True)
    if _text(tree, "agent", "id") is None:
        files.write(state / AGENT_ID, agent.encode())


def _move(unpacked: Path, state_dir: Path) -> Path | None:
    """Moves what is there into a folder of its own, and the new files in; that folder."""
    (state_dir / RESTORING).mkdir(exist_ok=True)
    files.sync_folder(state_dir)
    present = [path for path in state_dir.iterdir() if not _stays(path.name)]
    before = state_dir / f"{BEFORE}{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**6:06}"
    if present:
        before.mkdir()
    for path in present:
        path.rename(before / path.name)
    for path in list(unpacked.iterdir()):
        path.rename(state_dir / path.name)
    unpacked.rmdir()
    files.sync_folder(state_dir)
    return before if present else None


def _stays(name: str) -> bool:
    return name in STAYS or name.startswith(BEFORE)


def _replace(file: Path, data: bytes) -> Path | None:
    """Writes the configuration; returns where the one before is, if it was another."""
    with state_directory.as_owner(file.parent):
        try:
            if file.read_bytes() == data:
                return None
        except FileNotFoundError:
            files.make_folder(file.parent)
            files.write(file, data)
            return None
        before = _set_before(file)
        files.write(file, data)
        return before


def _secrets(archive: Archive, folder: Path) -> Iterator[Path]:
    """Writes the archive's secrets beside the configuration, for their owner alone."""
    for file in archive.manifest.secret_files():
        path, data = folder / Path(file.name).name, archive.read(file)
        with state_directory.as_owner(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                _set_before(path)
            files.write(path, data, 0o600)
        yield path


def _set_before(file: Path) -> Path:
    before = file.with_name(f"{file.name}.before")
    file.replace(before)
    return before
