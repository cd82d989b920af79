"""A branch that reads the window's own power spectrum in hertz, beside the envelope spectra.

The spectrum is an average over short segments, which noise leaves smoother than one long spectrum.
It shows a machine's resonances, which differ from machine to machine. Half of the training windows
therefore come without this branch, so that the envelope spectra must suffice on other machines.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from models.networks.residual import Gate, Unit, UnitShape
from models.networks.spectra import Welch

WIDTH = 16
DROPPED = 0.5  # share of the training windows whose branch is set to zero
EPSILON = 1e-4  # of a standardized window: keeps logarithms finite


class SpectrumBranch(nn.Module):
    """Logarithms of the spectrum relative to their mean, and two units along frequency."""

    def __init__(self, form: UnitShape, gate: Gate, channels: int) -> None:
        super().__init__()
        self.welch = Welch()
        self.norm = nn.BatchNorm2d(channels)
        self.units = nn.ModuleList(
            Unit(width_in, WIDTH, 2, form, gate) for width_in in (channels, WIDTH)
        )
        self.width = WIDTH * math.ceil(self.welch.bins / 4)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, window] -> [batch, width]."""
        logs = (self.welch(x) + EPSILON).log()
        h = self.norm(logs - F.avg_pool2d(logs, (1, logs.shape[3])))
        for unit in self.units:
            h, _ = unit(h)
        features: Tensor = h.flatten(1)
        if self.training:
            features = features * (torch.rand(len(h), 1, device=h.device) >= DROPPED)
        return features
