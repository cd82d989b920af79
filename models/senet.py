"""Residual network with squeeze-and-excitation: a learned gain where DRSN has a threshold.

Hu, Shen, Sun: "Squeeze-and-Excitation Networks", CVPR 2018.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from models.residual import Residual, shape


class Excitation(nn.Module):
    """Scales every channel by sigmoid(FC(ReLU(FC(GAP x)))); the bottleneck is a quarter."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(1, width // 4)
        self.squeeze = nn.Conv2d(width, hidden, 1)
        self.excite = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = F.avg_pool2d(x, (1, x.shape[3]))  # [batch, width, 1, 1]
        gain = torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))
        return x * gain, x.new_zeros(x.shape[0], 0)


def senet(preset: str, channels: int, classes: int) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], no alphas [batch, 0]."""
    return Residual(shape(preset), Excitation, channels, classes)
