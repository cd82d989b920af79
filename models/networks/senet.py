"""Residual network with squeeze-and-excitation: a learned gain where DRSN has a threshold.

Hu, Shen, Sun: "Squeeze-and-Excitation Networks", CVPR 2018.
"""

import torch
from torch import Tensor, nn

from models.networks.residual import Residual, average, shape


class Excitation(nn.Module):
    """Scales every channel by sigmoid(FC(ReLU(FC(GAP x)))); the bottleneck is a quarter.

    `reduction` 1 instead of 4 makes the gate as large as one that shrinks.
    """

    def __init__(self, width: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(1, width // reduction)
        self.squeeze = nn.Conv2d(width, hidden, 1)
        self.excite = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gain = torch.sigmoid(self.excite(torch.relu(self.squeeze(average(x)))))
        return x * gain, x.new_zeros(x.shape[0], 0)


def senet(preset: str, channels: int, classes: int) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], no alphas [batch, 0]."""
    return Residual(shape(preset), Excitation, channels, classes)
