"""The number that a birth shares with the death of the same connection."""

import contextlib
import logging
from pathlib import Path

from agent.core import files

log = logging.getLogger("drsn.sparkplug")


class BdSeq:
    """Counts CONNECT packets from 0 to 255 and round again, over restarts too.

    Sparkplug 3.0.0, 5.4: one more than in the previous CONNECT. On a disk that takes nothing it
    still counts, from what it last could keep.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = -1
        with contextlib.suppress(OSError, ValueError):
            self._last = int(files.read(file, 16)) % 256

    def next(self) -> int:
        """The number of the next CONNECT."""
        return self._keep((self._last + 1) % 256)

    def give_back(self) -> None:
        """The last number was in no CONNECT: the next one has it again."""
        self._keep((self._last - 1) % 256)

    def _keep(self, number: int) -> int:
        self._last = number
        try:
            files.write(self._file, f"{self._last}\n".encode("ascii"))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)
        return self._last
