"""Recordings wherever fsspec finds them: this machine's files, and what is fetched from elsewhere.

https://filesystem-spec.readthedocs.io; e.g. s3://bucket/line-4/*.flac, zip://*.wav::may.zip.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import soundfile
from fsspec.implementations.local import LocalFileSystem

from agent.core.errors import UserError

SOUND = (".npy", *(f".{name.lower()}" for name in soundfile.available_formats()))
SUFFIXES = frozenset((*SOUND, ".aif", ".aifc", ".oga"))  # others must be named: a table may be any
VERSIONS = ("ETag", "etag", "CRC", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A recording, and what changes when its file does."""

    recording: str  # an absolute path, or a URL
    state: str


def find(given: str) -> list[ArchiveFile]:
    """A file, all that a pattern names, or the recordings anywhere in a folder, sorted.

    `UserError` where there are none; whatever fsspec raises where they cannot be looked at.
    """
    system, path = fsspec.core.url_to_fs(given)
    if "*" in path or "?" in path or "[" in path:
        names = sorted(each for each in system.glob(path) if system.isfile(each))
    elif system.isdir(path):
        below = system.find(path)
        names = sorted(each for each in below if PurePosixPath(each).suffix.lower() in SUFFIXES)
    else:
        names = [path] if system.exists(path) else []
    if not names:
        raise UserError(f"{given}: found no such recording, expected a file, a pattern or a folder")
    return [ArchiveFile(_address(system, each, given), _state(system.info(each))) for each in names]


@contextlib.contextmanager
def fetched(recording: str) -> Iterator[Path]:
    """The recording as a file of this machine; what had to be fetched is removed again."""
    system, path = fsspec.core.url_to_fs(recording)
    if isinstance(system, LocalFileSystem):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
        local = Path(folder) / PurePosixPath(path).name
        system.get_file(path, str(local))
        yield local


def _address(system: Any, path: str, given: str) -> str:
    if isinstance(system, LocalFileSystem):
        return os.path.abspath(path)  # noqa: PTH100 - "..", too, and no link followed
    _, separator, outer = given.partition("::")  # zip://inside.flac::https://host/outside.zip
    return str(system.unstrip_protocol(path)) + separator + outer


def _state(info: dict[str, Any]) -> str:
    version = next((info[key] for key in VERSIONS if info.get(key)), "")
    return f"{info.get('size')} {version}"
