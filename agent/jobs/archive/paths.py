"""Finds recordings by fsspec: files of this machine, and files that are fetched from elsewhere.

https://filesystem-spec.readthedocs.io; e.g. s3://bucket/line-4/*.flac, zip://*.wav::may.zip.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import msgspec
import soundfile
from fsspec.implementations.local import LocalFileSystem

from agent.core.errors import UserError
from agent.sources.formats import table

SOUND = (".npy", *(f".{name.lower()}" for name in soundfile.available_formats()))
BY_LIBRARY = set(table.SUFFIXES) - set(table.PARQUET.suffixes)
# Others must be named: .csv may be a manifest, .parquet what `score` wrote.
SUFFIXES = frozenset((*SOUND, ".aif", ".aifc", ".oga", *BY_LIBRARY))
VERSIONS = ("ETag", "etag", "CRC", "mtime", "LastModified", "last_modified", "updated", "created")


class ArchiveFile(msgspec.Struct, frozen=True):
    """A recording, and a text that changes when its file changes."""

    recording: str  # an absolute path, or a URL
    state: str


def find(pattern: str) -> list[ArchiveFile]:
    """A file, the files of a pattern, or all recordings below a folder; sorted.

    `UserError` where there are none; any exception of fsspec where they cannot be listed.
    """
    system, path = fsspec.core.url_to_fs(pattern)
    if "*" in path or "?" in path or "[" in path:
        names = sorted(name for name in system.glob(path) if system.isfile(name))
    elif system.isdir(path):
        below = system.find(path)
        names = sorted(name for name in below if PurePosixPath(name).suffix.lower() in SUFFIXES)
    else:
        names = [path] if system.exists(path) else []
    if not names and system.isdir(path):
        suffixes = ", ".join(sorted(SUFFIXES))
        raise UserError(f"{pattern}: found no recording in the folder, expected one of {suffixes}")
    if not names:
        raise UserError(
            f"{pattern}: found no such recording, expected a file, a pattern or a folder"
        )
    return [
        ArchiveFile(_address(system, name, pattern), _state(system.info(name))) for name in names
    ]


@contextlib.contextmanager
def fetched(recording: str) -> Iterator[Path]:
    """The recording as a local file; a fetched copy is removed afterwards."""
    system, path = fsspec.core.url_to_fs(recording)
    if isinstance(system, LocalFileSystem):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
        local = Path(folder) / PurePosixPath(path).name
        system.get_file(path, str(local))
        yield local


def _address(system: Any, path: str, pattern: str) -> str:
    if isinstance(system, LocalFileSystem):
        return os.path.abspath(path)  # noqa: PTH100 - removes "..", and follows no link
    _, separator, outer = pattern.partition("::")  # zip://inside.flac::https://host/outside.zip
    return str(system.unstrip_protocol(path)) + separator + outer


def _state(info: dict[str, Any]) -> str:
    version = next((info[key] for key in VERSIONS if info.get(key)), "")
    return f"{info.get('size')} {version}"
