"""Shows level and progress of `record` on standard error."""

import contextlib
import sys
import time

import numpy as np

from agent.core.types import Format
from agent.jobs.record import Tally

TERMINAL_S, LINE_S = 0.2, 5.0  # between two updates, on a terminal and elsewhere
FLOOR_DB = -60.0
WIDTH = 30


class Meter:
    """One line that is updated on a terminal; elsewhere a new line at intervals."""

    def __init__(self, signal: Format, seconds: float) -> None:
        self._format = signal
        self._seconds = seconds
        self._terminal = sys.stderr.isatty()
        self._shown_s = 0.0
        self._peak = 0.0  # since it was last shown

    def show(self, tally: Tally) -> None:
        self._peak = max(self._peak, tally.peak)
        now_s = time.monotonic()
        if now_s - self._shown_s < (TERMINAL_S if self._terminal else LINE_S):
            return
        self._shown_s = now_s
        self._write(tally, "\r" if self._terminal else "", "" if self._terminal else "\n")
        self._peak = 0.0

    def end(self, tally: Tally) -> None:
        if self._terminal:
            self._write(tally, "\r", "\n")

    def _write(self, tally: Tally, start: str, end: str) -> None:
        done_s = tally.frames / self._format.rate_hz
        lost = f", {tally.lost} lost" if tally.lost else ""
        line = f"{done_s:6.1f} of {self._seconds:g} s  {self._level(tally)}{lost}"
        with contextlib.suppress(OSError):
            print(f"{start}{line:<78}" if start else line, end=end, file=sys.stderr, flush=True)

    def _level(self, tally: Tally) -> str:
        """A bar and decibels relative to full scale; plain numbers where there is none."""
        if self._format.full_scale is None:
            return f"peak {self._peak:.3g}, RMS {tally.rms:.3g}"
        peak_db, rms_db = (20 * np.log10(max(x, 1e-6)) for x in (self._peak, tally.rms))
        filled = round(WIDTH * min(1.0, max(0.0, 1 - peak_db / FLOOR_DB)))
        bar = "#" * filled + "." * (WIDTH - filled)
        return f"[{bar}] peak {peak_db:6.1f} dBFS, RMS {rms_db:6.1f}"
