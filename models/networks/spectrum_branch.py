"""The colour of a window: its power spectrum in hertz, beside the rhythm that envelopes tell.

Noise leaves an average over short segments steady where one long spectrum is ragged. But the
resonances of a machine are its own: in training half of the windows come without colour, so that
rhythm has to suffice for what has not been seen.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from models.networks.residual import Form, Gate, Unit
from models.networks.spectra import Welch

WIDTH = 16
HIDDEN = 0.5  # share of the training windows without colour
QUIET = 1e-4  # of a standardized window: where logarithms begin


class SpectrumBranch(nn.Module):
    """Logarithms of the spectrum relative to their mean, and two units along frequency."""

    def __init__(self, form: Form, gate: Gate, channels: int) -> None:
        super().__init__()
        self.welch = Welch()
        self.norm = nn.BatchNorm2d(channels)
        self.units = nn.ModuleList(
            Unit(width_in, WIDTH, 2, form, gate) for width_in in (channels, WIDTH)
        )
        self.width = WIDTH * math.ceil(self.welch.bins / 4)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, window] -> [batch, width]."""
        logs = (self.welch(x) + QUIET).log()
        h = self.norm(logs - F.avg_pool2d(logs, (1, logs.shape[3])))
        for unit in self.units:
            h, _ = unit(h)
        features: Tensor = h.flatten(1)
        if self.training:
            features = features * (torch.rand(len(h), 1, device=h.device) >= HIDDEN)
        return features
