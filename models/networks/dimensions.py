"""The dimensions that a recipe fixes, whatever the network's family and preset."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimensions:
    """A network reads windows [channels, window] at `rate_hz` and tells `classes` labels apart."""

    channels: int
    window: int  # frames
    classes: int
    rate_hz: float
