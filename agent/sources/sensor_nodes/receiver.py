"""Turns frames (`agent.sources.sensor_nodes.frames`) into blocks, for udp, mqtt and serial."""

import numpy as np

from agent.core import pcm
from agent.core.types import Block, Format
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.frames import FrameError, Head
from agent.sources.sensor_nodes.refusal import Refusals
from agent.sources.sensor_nodes.sequence import Sequence


class Receiver:
    """The frames of one node, of one dtype and number of channels; refuses and counts others."""

    def __init__(
        self, rate_hz: float, dtype: str, channels: int, hold_s: float = 0.0, max_held: int = 0
    ) -> None:
        """`hold_s` and `max_held`: see `Sequence`."""
        full_scale = pcm.full_scale(dtype)
        self.format = Format(
            rate_hz, channels, full_scale, live=True, counted=True, step=pcm.step(dtype)
        )
        self.sequence = Sequence(rate_hz, hold_s, max_held)
        self.refusals = Refusals()
        self._dtype = dtype
        self._empty = np.zeros((0, channels), np.float32)

    def put(self, data: bytes, now_s: float) -> None:
        """Takes one frame; the first bad one is quoted in the log."""
        try:
            head = self.head(data)
            self.sequence.put(head.first, frames.samples(head, data), now_s)
            self.refusals.took()
        except FrameError as error:
            self.refuse(error)

    def head(self, data: bytes) -> Head:
        """The head of a frame; `FrameError` where it is not of the expected kind."""
        head = frames.head(data)
        if (head.dtype, head.channels) != (self._dtype, self.format.channels):
            found = f"{head.dtype} in {head.channels} channels"
            raise FrameError(f"found {found}, expected {self._dtype} in {self.format.channels}")
        return head

    def refuse(self, error: FrameError) -> None:
        self.refusals.add(str(error))

    def take(self, now_s: float) -> Block:
        """The next block in order; an empty one where none is ready."""
        return self.sequence.take(now_s) or Block(self._empty)
