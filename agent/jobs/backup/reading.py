"""Reads an archive that may be anybody's: every file is checked before anything is touched.

Nothing of it is believed before it was counted: the number and the names of its files, the size
of each (an archive can claim to be small and unpack to more than any disk holds), and its digest.
"""

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agent.core import json_input
from agent.core.errors import ConditionError, DataError
from agent.jobs.backup.manifest import (
    CONFIGURATION,
    MANIFEST,
    MAX_FILES,
    MAX_MANIFEST_BYTES,
    SCHEMA,
    STATE,
    ArchivedFile,
    Manifest,
    is_archive_name,
)

PIECE = 1 << 20  # bytes
ROOM_BYTES = 16 << 20  # that stay free on the disk
END = struct.Struct("<4s4H2LH")  # a ZIP file's last record, APPNOTE 4.3.16
END64 = b"PK\x06\x07"  # stands before it in a larger file than ours can be
LOCATOR_BYTES = 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others have errors and sizes of their own
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # also names that are no text
    KeyError,  # no table of contents
)


class Archive:
    """An open archive; `DataError` for what is none, or none of ours."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """`name` is the user's name for it."""
        self._name = name
        try:
            _check_end(stream)
            self._zip = zipfile.ZipFile(stream)
            self.manifest = self._read_manifest()
        except (*BROKEN, json_input.JsonError) as error:
            raise self._error(str(error) or type(error).__name__) from None

    def check(self) -> None:
        """Reads every file to its end; `DataError` for the first one that is not as it should be.

        Files that are read as a whole are checked to be small.
        """
        for file in self.manifest.files:
            if not file.name.startswith(f"{STATE}/") and file.bytes > json_input.MAX_BYTES:
                raise self._error(f"{file.name}: found {file.bytes} bytes")
            for _piece in self.pieces(file):
                pass

    def unpack_state(self, target: Path) -> None:
        """Writes the state's files into `target`; `DataError`, `OSError`."""
        state = self.manifest.state_files()
        total, room = sum(file.bytes for file in state), os.statvfs(target)
        if total > room.f_bavail * room.f_frsize - ROOM_BYTES:
            raise ConditionError(f"{self._name}: found {total} bytes, expected room for them")
        for file in state:
            path = target / file.name.removeprefix(f"{STATE}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                for piece in self.pieces(file):
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())

    def read(self, file: ArchivedFile) -> bytes:
        """The content of a small file; `DataError`."""
        return b"".join(self.pieces(file))

    def pieces(self, file: ArchivedFile) -> Iterator[bytes]:
        """The file's content, piece by piece, up to the size that it should have; `DataError`."""
        digest, left = hashlib.sha256(), file.bytes
        try:
            with self._zip.open(file.name) as stream:
                while piece := stream.read(min(PIECE, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        break
                    digest.update(piece)
                    yield piece
        except BROKEN as error:
            raise self._error(f"{file.name}: {error}") from None
        if left or digest.hexdigest() != file.sha256:
            raise self._error(f"{file.name}: found other content than the archive says")

    def _read_manifest(self) -> Manifest:
        self._check_entries()
        with self._zip.open(MANIFEST) as stream:
            data = stream.read(MAX_MANIFEST_BYTES + 1)
        manifest = json_input.decode(data, Manifest, max_bytes=MAX_MANIFEST_BYTES)
        if manifest.schema != SCHEMA:
            raise self._error(f"found schema {manifest.schema!r}, expected {SCHEMA!r}")
        entries = sorted(entry.filename for entry in self._zip.infolist())
        names = [file.name for file in manifest.files]
        for name in names:
            if not is_archive_name(name):
                raise self._error(f"found the name {name!r}, expected a file of an agent")
        if entries != sorted([*names, MANIFEST]) or len(set(names)) != len(names):
            raise self._error("found other files than its table of contents has")
        if CONFIGURATION not in names:
            raise self._error(f"found no {CONFIGURATION}, expected the configuration")
        return manifest

    def _check_entries(self) -> None:
        for entry in self._zip.infolist():
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                raise self._error(f"found {entry.filename!r} as a link, expected files alone")
            if entry.compress_type not in METHODS:
                method = entry.compress_type
                raise self._error(f"{entry.filename!r}: found method {method}, expected deflate")

    def _error(self, why: str) -> DataError:
        text = ascii(why)[1:-1][:200]
        return DataError(f"{self._name}: {text}, expected an archive of `drsn-agent backup`")


def _check_end(stream: BinaryIO) -> None:
    """Before the list of files is read as a whole; `ValueError`."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - END.size - LOCATOR_BYTES))
    tail = stream.read()
    if len(tail) < END.size or tail.startswith(END64):
        raise ValueError("found no ZIP file")
    mark, _, _, _, count, list_bytes, _, comment = END.unpack(tail[-END.size :])
    if mark != b"PK\x05\x06" or comment:
        raise ValueError("found no ZIP file")
    if count > MAX_FILES + 1 or list_bytes > MAX_MANIFEST_BYTES:
        raise ValueError(f"found {count} files, expected at most {MAX_FILES}")
