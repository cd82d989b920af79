"""Reports the progress of a run: a line now and then, and one for each failed recording."""

import time
from collections.abc import Callable

from agent.jobs.archive.job import Outcome

REPORT_S = 5.0


class Progress:
    """Counts outcomes and reports them."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._expected = 0
        self._skipped: set[str] = set()
        self._exit_codes: set[int] = set()  # of the failures
        self._scored = self._failed = self._windows = self._events = 0
        self._signal_s = 0.0
        self._began_s = self._reported_s = time.monotonic()

    def skip(self, recording: str) -> None:
        """Counts a recording that was scored in an earlier run."""
        self._skipped.add(recording)

    def fail(self, trouble: str, exit_code: int) -> None:
        self._failed += 1
        self._exit_codes.add(exit_code)
        self._say(f"drsn-agent: {trouble}")

    def begin(self, expected: int) -> None:
        self._expected = expected
        self._began_s = self._reported_s = time.monotonic()

    def note(self, outcome: Outcome) -> None:
        if outcome.trouble:
            self.fail(f"{outcome.recording}: {outcome.trouble}", outcome.exit_code)
            return
        self._scored += 1
        self._windows += outcome.windows
        self._events += outcome.events
        self._signal_s += outcome.signal_s
        if time.monotonic() - self._reported_s > REPORT_S:
            self._reported_s = time.monotonic()
            self._say(f"{self._scored} of {self._expected} recordings, {self._speed()}")

    def finish(self) -> int:
        """Reports the totals in one line; returns the exit code."""
        self._say(
            f"{self._scored} scored, {len(self._skipped)} scored before, {self._failed} failed: "
            f"{self._windows} windows, {self._events} events; {self._speed()}"
        )
        return min(self._exit_codes, default=0)  # 1 where any failure is of that kind

    def _speed(self) -> str:
        took_s = max(time.monotonic() - self._began_s, 1e-3)
        return f"{self._signal_s:.0f} s of signal at {self._signal_s / took_s:.0f} s per second"
