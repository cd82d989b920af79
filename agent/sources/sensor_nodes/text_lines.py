"""Lines of numbers, one for each instant; commas, semicolons, blanks and tabs separate."""

import contextlib
import re

import numpy as np

from agent.core.types import Block, Format
from agent.sources.sensor_nodes.refusal import Refusals, quote

LONGEST = 1 << 12  # bytes: a longer stretch without a newline is no text


class TextLines:
    """Turns lines into blocks; a line that cannot be read counts as a lost frame."""

    def __init__(self, rate_hz: float, channels: int) -> None:
        self.format = Format(rate_hz, channels, live=True)
        self.refusals = Refusals()
        self._rest: bytes | None = None  # None: within a line whose start is missing
        self._lost = 0  # frames, since the last good one
        self._expected = f"{channels} number{'s' if channels > 1 else ''} in a line"

    def push(self, data: bytes, _now_s: float) -> list[Block]:
        """The blocks of all complete lines; the first line is skipped, as it may lack its start."""
        *lines, rest = ((self._rest or b"") + data.replace(b"\r", b"\n")).split(b"\n")
        if self._rest is None and lines:
            del lines[0]
        elif self._rest is None:
            return []
        self._rest = rest
        if len(rest) > LONGEST:
            self._rest = None
            self._lost += 1
            self.refusals.add(f"found {quote(rest)}, expected a line of numbers: is baud right?")
        blocks: list[Block] = []
        good: list[list[float]] = []
        for line in lines:
            numbers = self._numbers(line)
            if numbers is None:
                self._end(good, blocks)
                self._lost += 1
            elif numbers:
                good.append(numbers)
        self._end(good, blocks)
        return blocks

    def _end(self, good: list[list[float]], blocks: list[Block]) -> None:
        """Makes a block of the good lines before a bad one."""
        if good:
            with np.errstate(over="ignore"):  # too large a number becomes infinity, which is marked
                blocks.append(Block(np.array(good).astype(np.float32), self._lost))
            self._lost = 0
            self.refusals.took(len(good))
            good.clear()

    def _numbers(self, line: bytes) -> list[float] | None:
        """The numbers of a line, none of an empty one; None where it cannot be read."""
        with contextlib.suppress(ValueError):
            numbers = [float(part) for part in re.split(rb"[,;\s]+", line.strip()) if part]
            if len(numbers) in (0, self.format.channels):
                return numbers
        self.refusals.add(f"found {quote(line)}, expected {self._expected}")
        return None
