"""Frames in (`agent.sources.sensor_nodes.frames`), blocks out: what udp, mqtt and serial sources
share."""

import logging

import numpy as np

from agent.core import pcm
from agent.core.types import Block, Format
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.frames import FrameError, Head
from agent.sources.sensor_nodes.sequence import Sequence

log = logging.getLogger("drsn.source")


class Receiver:
    """One node's frames, of one dtype and number of channels; others are refused and counted."""

    def __init__(
        self, rate_hz: float, dtype: str, channels: int, hold_s: float = 0.0, most: int = 0
    ) -> None:
        """`hold_s` and `most`: see `Sequence`."""
        full_scale = pcm.full_scale(dtype)
        self.format = Format(rate_hz, channels, full_scale, live=True, counted=True)
        self.sequence = Sequence(rate_hz, hold_s, most)
        self.refused = 0
        self._dtype = dtype
        self._nothing = np.zeros((0, channels), np.float32)
        self._told = False

    def put(self, data: bytes, now_s: float) -> None:
        """One frame; what is none is refused, in one line of the log until one is right again."""
        try:
            head = self.head(data)
            self.sequence.put(head.first, frames.samples(head, data), now_s)
            self._told = False
        except FrameError as error:
            self.refuse(error)

    def head(self, data: bytes) -> Head:
        """The head of a frame; `FrameError` where it is not the kind that is expected."""
        head = frames.head(data)
        if (head.dtype, head.channels) != (self._dtype, self.format.channels):
            found = f"{head.dtype} in {head.channels} channels"
            raise FrameError(f"found {found}, expected {self._dtype} in {self.format.channels}")
        return head

    def refuse(self, error: FrameError) -> None:
        self.refused += 1
        if not self._told:
            log.warning("a frame is refused: %s", error)
        self._told = True

    def take(self, now_s: float) -> Block:
        """The next block in order; an empty one where there is none yet."""
        return self.sequence.take(now_s) or Block(self._nothing)
