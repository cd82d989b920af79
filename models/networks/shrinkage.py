"""Soft thresholding with thresholds learned from the signal itself.

Zhao, Zhong, Fu, Tang, Pecht: "Deep Residual Shrinkage Networks for Fault Diagnosis", IEEE
Transactions on Industrial Informatics 16(7), 2020, equations (5) to (10).
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn


def soft_threshold(x: Tensor, tau: Tensor) -> Tensor:
    """sign(x) * max(|x| - tau, 0) for tau >= 0 that broadcasts against x.

    Written as a difference from the clipped signal: exactly zero within the threshold.
    """
    return x - torch.maximum(torch.minimum(x, tau), -tau)


class Shrinkage(nn.Module):
    """Thresholds a feature map: tau = alpha * mean|x|, alpha = sigmoid(FC(ReLU(BN(FC(GAP|x|))))).

    Channel-wise (DRSN-CW) every channel has its own alpha and mean; channel-shared (DRSN-CS)
    one alpha times the mean over all channels serves the whole map. Since 0 < alpha < 1,
    0 < tau < max|x|: never zero, never the whole signal. `alpha_start` is where alpha begins
    in training; the paper leaves it at the sigmoid's middle.
    """

    def __init__(self, width: int, shared: bool, alpha_start: float = 0.5) -> None:
        super().__init__()
        self.shared = shared
        # A fully connected layer on [batch, width, 1, 1] is a 1x1 convolution. ONNX Runtime's
        # matrix product rounds differently for one row than for several; its Conv does not.
        self.squeeze = nn.Conv2d(width, width, 1)
        self.norm = nn.BatchNorm2d(width)
        self.excite = nn.Conv2d(width, 1 if shared else width, 1)
        if alpha_start != 0.5:
            nn.init.constant_(self.excite.bias, math.log(alpha_start / (1 - alpha_start)))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, width, 1, frames] -> the same shape, and alpha [batch, width (CS: 1)].

        Over images x is [batch, width, rows, columns], and a channel's mean is over both.
        """
        mean = F.avg_pool2d(x.abs(), x.shape[2:])  # [batch, width, 1, 1]
        hidden = torch.relu(self.norm(self.squeeze(mean)))
        alpha = torch.sigmoid(self.excite(hidden))  # [batch, width or 1, 1, 1]
        scale = over_channels(mean) if self.shared else mean
        return soft_threshold(x, alpha * scale), alpha.flatten(1)


def over_channels(mean: Tensor) -> Tensor:
    """[batch, width, 1, 1] -> [batch, 1, 1, 1]; pooled, not reduced, for the same reason."""
    return F.avg_pool2d(mean.transpose(1, 3), (1, mean.shape[1]))
