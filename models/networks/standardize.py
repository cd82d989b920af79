"""The first step of every released graph: gain and offset differ by sensor, and mean nothing."""

from torch import Tensor

QUIETEST = 1e-12  # a flat window stays zero instead of becoming NaN


def standardize(samples: Tensor) -> Tensor:
    """[batch, channels, window] to zero mean and unit deviation, each window and channel."""
    centred = samples - samples.mean(-1, keepdim=True)
    power = (centred * centred).mean(-1, keepdim=True)  # [batch, channels, 1]
    return centred / power.sqrt().clamp(min=QUIETEST)
