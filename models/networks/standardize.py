"""The first step of every released graph: it removes the sensor's gain and offset."""

from torch import Tensor

EPSILON = 1e-12  # a constant window becomes zero instead of NaN


def standardize(samples: Tensor) -> Tensor:
    """[batch, channels, window] to zero mean and unit deviation, each window and channel."""
    centred = samples - samples.mean(-1, keepdim=True)
    power = (centred * centred).mean(-1, keepdim=True)  # [batch, channels, 1]
    return centred / power.sqrt().clamp(min=EPSILON)
