"""One device's blocks into the rings of all its points.

Each point is conditioned by itself, as if it were the only one: what it hears is equal, bit by bit,
to a source of that channel alone.
"""

from collections.abc import Sequence

from agent.acquisition.arrivals import Arrivals
from agent.acquisition.conditioning import Conditioner
from agent.acquisition.sample_clock import SampleClock
from agent.core.types import Block, Format


class FanOut:
    """Has the interface of a `Conditioner`, for the thread that reads the device."""

    def __init__(self, arrivals: Arrivals, points: Sequence[Conditioner]) -> None:
        """`arrivals` is the one that all `points` were made with."""
        self.format: Format = arrivals.format
        self._arrivals = arrivals
        self._points = points

    def push(self, block: Block) -> bool:
        """Writes a block into every ring; False when one of them has been closed."""
        lost = self._arrivals.take(len(block.samples), block.lost)
        whole = Block(block.samples, lost)
        return all(point.write(whole) for point in self._points)

    def flush(self) -> None:
        """Writes what the filters still hold."""
        for point in self._points:
            point.flush()

    @property
    def samples(self) -> int:
        """Frames taken from the source."""
        return self._points[0].samples

    @property
    def sample_clock(self) -> SampleClock | None:
        return self._arrivals.sample_clock

    @property
    def stuck_bit(self) -> str | None:
        """Of the first point that has one."""
        return next((point.stuck_bit for point in self._points if point.stuck_bit), None)

    @property
    def frames_to_due(self) -> int:
        """Frames that complete the next window of any point, at least 1."""
        return min(point.frames_to_due for point in self._points)

    @property
    def due_s(self) -> float:
        """Monotonic time at which that window will be complete; 0 where that is not known."""
        return min(point.due_s for point in self._points)
