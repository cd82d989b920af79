"""A disk whose power is cut, or which fails: a library that is preloaded into the agent."""

import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .outcome import Skip

SOURCE = Path(__file__).with_name("shim.c")
HEAD = struct.Struct("<IIQQ")  # operation, bytes of the path, offset, bytes of data
BLOCK = 4096  # bytes that a disk writes whole


@dataclass(frozen=True)
class Operation:
    """`W`rite, `T`runcate, `S`ync, `U`nlink or `R`ename; `data` of the last is the new path."""

    kind: str
    path: str
    offset: int
    data: bytes


@dataclass
class File:
    """What is on the disk for certain, and what was written since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        for operation in self.pending:
            _apply(self.synced, operation)
        self.pending.clear()


class FailingDisk:
    """The folder's disk, as the library in `environment` sees it."""

    def __init__(self, folder: Path, scratch: Path, sync_s: float = 0.0) -> None:
        """`folder` is the agent's state; `scratch` has room for the library, log and fault.

        A sync takes `sync_s` more than it does here: then power is often cut before its end.
        """
        compiler = shutil.which("cc")
        if compiler is None:
            raise Skip("needs a C compiler")
        library = scratch / "shim.so"
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True)
        self._folder, self._log, self._fault = folder, scratch / "disk.log", scratch / "fault"
        self.environment = {
            "LD_PRELOAD": str(library),
            "DISK_FOLDER": str(folder),
            "DISK_LOG": str(self._log),
            "DISK_FAULT": str(self._fault),
            "DISK_SYNC_US": str(round(sync_s * 1e6)),
        }

    def fail(self, what: str) -> None:
        """From now on `sync` or `write` (and sync) fail with EIO; empty: nothing does."""
        self._fault.write_text(what)

    def cut_power(self, dice: random.Random) -> int:
        """Leaves in the folder what the disk has; returns how many writes it had not synced.

        The agent must have ended. Of what was not synced all is lost, or each block of it by
        chance. What happens to names is kept in its order, as a journal does it: a sync keeps all
        of it that came before, and without one the last of it may be lost.
        """
        files = {
            str(path): File(bytearray(path.read_bytes()))
            for path in self._before.rglob("*")
            if path.is_file()
        }
        files = {path.replace(str(self._before), str(self._folder)): f for path, f in files.items()}
        operations = list(_read(self._log)) if self._log.exists() else []
        _replay(files, operations, dice)
        keep_share = dice.choice((0.0, 0.5))
        lost = sum(len(file.pending) for file in files.values())
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        for path, file in files.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(_after_cut(file, keep_share, dice))
        return lost

    def begin(self) -> None:
        """Remembers the folder as it is; called before an agent starts on it."""
        self._folder.mkdir(exist_ok=True)
        self._before = self._log.with_name("before")
        shutil.rmtree(self._before, ignore_errors=True)
        shutil.copytree(self._folder, self._before)
        self._log.unlink(missing_ok=True)


def _read(log: Path) -> Iterator[Operation]:
    content, at = log.read_bytes(), 0
    while at + HEAD.size <= len(content):
        kind, path_bytes, offset, data_bytes = HEAD.unpack_from(content, at)
        at += HEAD.size
        path = content[at : at + path_bytes].decode()
        at += path_bytes
        yield Operation(chr(kind), path, offset, content[at : at + data_bytes])
        at += data_bytes


def _replay(files: dict[str, File], operations: list[Operation], dice: random.Random) -> None:
    synced = max((at for at, op in enumerate(operations) if op.kind == "S"), default=-1)
    names = [at for at, op in enumerate(operations) if op.kind in "UR" and at > synced]
    lost_names = set(names[dice.randint(0, len(names)) :])
    for at, operation in enumerate(operations):
        if at in lost_names:
            continue
        if operation.kind == "U":
            files.pop(operation.path, None)
        elif operation.kind == "R" and operation.path in files:
            files[operation.data.decode()] = files.pop(operation.path)
        elif operation.kind == "S":
            if operation.path in files:
                files[operation.path].sync()
        elif operation.kind in "WT":
            files.setdefault(operation.path, File()).pending.append(operation)


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.kind == "T":
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
        return
    end = operation.offset + len(operation.data)
    content.extend(bytes(max(0, operation.offset - len(content))))
    content[operation.offset : end] = operation.data


def _after_cut(file: File, keep_share: float, dice: random.Random) -> bytes:
    content = bytearray(file.synced)
    for operation in file.pending:
        if operation.kind == "T":
            if dice.random() < keep_share:
                _apply(content, operation)
            continue
        at = operation.offset
        end = at + len(operation.data)
        while at < end:
            until = min(end, (at // BLOCK + 1) * BLOCK)
            if dice.random() < keep_share:
                data = operation.data[at - operation.offset : until - operation.offset]
                _apply(content, Operation("W", operation.path, at, data))
            at = until
    return bytes(content)
