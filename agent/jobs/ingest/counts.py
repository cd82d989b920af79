"""Counts the rows that a consumer has stored, and logs them once a minute."""

import logging

from agent.jobs.ingest.tables import Written

EVERY_S = 60.0

log = logging.getLogger("drsn.ingest")


class Counts:
    """Rows since the start."""

    def __init__(self) -> None:
        self._fresh = self._duplicates = self._rejected = 0
        self._due_s = 0.0  # monotonic

    def __str__(self) -> str:
        stored = f"{self._fresh} stored, {self._duplicates} duplicates"
        return f"{stored}, {self._rejected} of them rejected"

    def add(self, written: Written) -> None:
        self._fresh += written.fresh
        self._duplicates += written.duplicates
        self._rejected += len(written.rejected)
        if written.rejected:
            first = written.rejected[0]
            more = f" and {len(written.rejected) - 1} more" if len(written.rejected) > 1 else ""
            log.warning("rejected %s: %s%s", first.topic, first.why, more)

    def log(self, now_s: float) -> None:
        """Logs the counts when a minute has passed."""
        if now_s >= self._due_s:
            self._due_s = now_s + EVERY_S
            log.info("%s", self)
