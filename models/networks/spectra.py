"""Power spectra as fixed convolutions inside a graph: of a whole window, and averaged (Welch).

A convolution instead of a transform: ONNX Runtime then rounds alike at every batch size.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

SEGMENT = 256  # frames, half of them shared with the next


class Spectrum(nn.Conv2d):
    """Power of a fixed real Fourier transform at bins 1 to frames / 2.

    A convolution as long as its input, quantized like all convolutions along time.
    """

    def __init__(self, frames: int) -> None:
        self.bins = frames // 2
        super().__init__(1, 2 * self.bins, (1, frames), bias=False)
        self.weight.data = _waves(frames) / math.sqrt(frames)
        self.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, bands, 1, frames] -> [batch, bands, 1, bins]."""
        waves = super().forward(x.transpose(1, 2))  # [batch, 2 bins, bands, 1]
        power = _power(waves, self.bins)
        return power.permute(0, 2, 3, 1)


class Welch(nn.Conv2d):
    """Power at bins 1 to SEGMENT / 2, the mean over segments under a Hann window.

    Welch: "The use of fast Fourier transform for the estimation of power spectra", IEEE
    Transactions on Audio and Electroacoustics 15(2), 1967.
    """

    def __init__(self) -> None:
        self.bins = SEGMENT // 2
        super().__init__(1, 2 * self.bins, (1, SEGMENT), (1, SEGMENT // 2), bias=False)
        hann = torch.hann_window(SEGMENT)
        self.weight.data = _waves(SEGMENT) * hann / hann.square().sum().sqrt()
        self.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, channels, window] -> [batch, channels, 1, bins]."""
        waves = super().forward(x.unsqueeze(1))  # [batch, 2 bins, channels, segments]
        power = _power(waves, self.bins)
        return F.avg_pool2d(power, (1, power.shape[3])).permute(0, 2, 3, 1)


def _waves(frames: int) -> Tensor:
    """Cosines, then sines, at bins 1 to frames / 2: [frames, 1, 1, frames]."""
    turns = torch.arange(1, frames // 2 + 1)[:, None] * torch.arange(frames) / frames
    angle = 2 * math.pi * (turns % 1.0)
    return torch.cat([angle.cos(), angle.sin()])[:, None, None]


def _power(waves: Tensor, bins: int) -> Tensor:
    """[batch, 2 bins, ...] -> [batch, bins, ...]."""
    return waves[:, :bins] ** 2 + waves[:, bins:] ** 2
