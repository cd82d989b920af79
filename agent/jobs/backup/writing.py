"""Writes an archive of the state, the configuration and, where asked for, the secrets."""

import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent import __version__
from agent.core import files
from agent.core.errors import UserError
from agent.core.time import iso
from agent.jobs.backup import state_files
from agent.jobs.backup.manifest import (
    CONFIGURATION,
    MANIFEST,
    MAX_FILES,
    SECRETS,
    STATE,
    ArchivedFile,
    Manifest,
)

PIECE = 1 << 20  # bytes
PACKED = (".flac", ".onnx")  # kinds that would not become smaller


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into an archive."""

    agent: str  # its id
    state_dir: Path
    running: bool  # an agent has the state directory
    configuration: bytes  # the file's text
    clips: bool = False
    secrets: Mapping[str, bytes] = {}  # by their file names


def write(out: BinaryIO, contents: Contents) -> Manifest:
    """Writes the archive; `UserError`, `OSError`. What the state is, is as of one moment."""
    with tempfile.TemporaryDirectory(prefix="drsn-backup-") as folder:
        copies = Path(folder)
        state_files.copy(contents.state_dir, copies, running=contents.running)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
            try:
                return _write(_Writer(archive), contents, copies)
            except zipfile.LargeZipFile:
                raise UserError("backup: found more than 2 GiB: leave the clips out") from None


def _write(writer: "_Writer", contents: Contents, copies: Path) -> Manifest:
    for name in state_files.names(copies):
        writer.add_file(f"{STATE}/{name}", copies / name)
    for name in state_files.clip_names(contents.state_dir) if contents.clips else ():
        writer.add_clip(f"{STATE}/{name}", contents.state_dir / name)
    writer.add_bytes(CONFIGURATION, contents.configuration)
    for name, secret in contents.secrets.items():
        writer.add_bytes(f"{SECRETS}/{name}", secret)
    return writer.finish(contents.agent)


class _Writer:
    """Adds files to a ZIP file and notes what each is."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._files: list[ArchivedFile] = []

    def add_file(self, name: str, path: Path) -> None:
        with files.open_regular(path) as stream:
            self._add(name, lambda: stream.read(PIECE))

    def add_clip(self, name: str, path: Path) -> None:
        """A clip may be removed meanwhile, to make room: it is left out then."""
        try:
            stream = files.open_regular(path)
        except FileNotFoundError:
            return
        with stream:
            self._add(name, lambda: stream.read(PIECE))

    def add_bytes(self, name: str, data: bytes) -> None:
        pieces = iter((data, b""))
        self._add(name, lambda: next(pieces))

    def _add(self, name: str, read: Callable[[], bytes]) -> None:
        if len(self._files) >= MAX_FILES:
            raise UserError(f"backup: found more than {MAX_FILES} files: leave the clips out")
        digest, size = hashlib.sha256(), 0
        kind = zipfile.ZIP_STORED if name.endswith(PACKED) else zipfile.ZIP_DEFLATED
        entry = zipfile.ZipInfo(name, time.localtime()[:6])
        entry.compress_type = kind
        entry.external_attr = 0o600 << 16
        with self._archive.open(entry, "w") as out:
            while piece := read():
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self._files.append(ArchivedFile(name=name, bytes=size, sha256=digest.hexdigest()))

    def finish(self, agent: str) -> Manifest:
        """Writes the table of contents."""
        made, contents = iso(time.time()), tuple(self._files)
        manifest = Manifest(made=made, version=__version__, agent=agent, files=contents)
        self._archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        return manifest
