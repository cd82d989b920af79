"""A folder of clips with a quota. The oldest clips are removed to make room."""

import logging
import os
import shutil
from pathlib import Path

from agent.core import files

SUFFIXES = (".flac", ".json")  # sound, or a picture of it

log = logging.getLogger("drsn.evidence")


class ClipStore:
    """Owned by one thread. Only clips are counted and removed."""

    def __init__(self, folder: Path, max_bytes: int, min_free_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    def put(self, name: str, data: bytes) -> str | None:
        """Writes the file, whole or not at all; returns the reason where it is not kept."""
        try:
            files.make_folder(self._folder)
            why = self._make_room(len(data))
            if why is None:
                files.write(self._folder / name, data)
            return why
        except OSError as error:
            return error.strerror or str(error)

    def _make_room(self, size: int) -> str | None:
        if size > self._max_bytes:
            return f"{size} bytes are more than evidence.max_mib allows"
        newest_first = sorted(
            ((status.st_mtime_ns, path, status.st_size) for path, status in self._files()),
            reverse=True,
        )
        total = sum(clip_size for _, _, clip_size in newest_first)
        while total + size > self._max_bytes or not self._fits_disk(size):
            if not newest_first:
                return "the disk has less free than evidence.min_free_mib"
            _, path, removed = newest_first.pop()
            path.unlink(missing_ok=True)
            log.info("%s removed to make room", path.name)
            total -= removed
        return None

    def _fits_disk(self, size: int) -> bool:
        return shutil.disk_usage(self._folder).free - size >= self._min_free_bytes

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        clips = [path for path in self._folder.iterdir() if path.suffix in SUFFIXES]
        return [(path, path.stat()) for path in clips]
