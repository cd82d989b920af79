"""WDCNN: a wide first kernel against noise, then narrow kernels; no shortcut, no gate.

Zhang, Peng, Li, Chen, Zhang: "A New Deep Learning Model for Fault Diagnosis with Good
Anti-Noise and Domain Adaptation Ability on Raw Vibration Signals", Sensors 17(2):425, 2017.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from agent.core.errors import UserError
from models.networks.residual import conv

KERNEL, STRIDE = 64, 16  # of the first layer; each of the others is 3 wide and halved by a pool


@dataclass(frozen=True)
class WdcnnShape:
    """Widths of the first convolution and of those after it, and of the hidden layer."""

    widths: tuple[int, ...]
    hidden: int


PAPER = WdcnnShape((16, 32, 64, 64, 64), 100)  # table 1 of the paper
SHAPES = {
    "paper": PAPER,
    "small": PAPER,  # costs about as much as the small preset of the other families
    "deploy": WdcnnShape((32, 64, 128, 128, 128), 128),
}


class Wdcnn(nn.Module):
    """Convolution, batch norm, ReLU, max pool of two, five times; hidden layer; classifier.

    The paper's last convolution is not padded; here all are, so that a window halves exactly.
    """

    def __init__(self, form: WdcnnShape, channels: int, frames: int, classes: int) -> None:
        super().__init__()
        layers = [conv(channels, form.widths[0], KERNEL, STRIDE)]
        for width in form.widths[1:]:
            layers.append(conv(layers[-1].out_channels, width, 3, 1))
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.BatchNorm2d(layer.out_channels) for layer in layers)
        # Fully connected, as a convolution as wide as what the last pool leaves.
        self.hidden = nn.Conv2d(form.widths[-1], form.hidden, (1, frames), bias=False)
        self.hidden_norm = nn.BatchNorm2d(form.hidden)
        self.classifier = nn.Conv2d(form.hidden, classes, 1)

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> logits [batch, classes], no alphas [batch, 0]."""
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, _running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> [batch, hidden, 1, 1], no alphas [batch, 0]."""
        h = x.unsqueeze(2)  # [batch, channels, 1, window]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = F.max_pool2d(torch.relu(norm(layer(h))), (1, 2))  # [batch, width, 1, frames / 2]
        h = torch.relu(self.hidden_norm(self.hidden(h)))  # [batch, hidden, 1, 1]
        return h, x.new_zeros(x.shape[0], 0)


def wdcnn(preset: str, channels: int, window: int, classes: int) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], no alphas [batch, 0].

    Raises UserError for an unknown preset and for a window that five pools leave nothing of.
    """
    if preset not in SHAPES:
        raise UserError(f"preset: found {preset!r}, expected one of {', '.join(SHAPES)}")
    form = SHAPES[preset]
    pools = len(form.widths)
    if window < STRIDE << pools:
        raise UserError(f"window: found {window}, expected at least {STRIDE << pools} frames")
    return Wdcnn(form, channels, _frames(window) >> pools, classes)


def _frames(window: int) -> int:
    """Frames that the first convolution leaves of a window."""
    return (window + 2 * ((KERNEL - 1) // 2) - KERNEL) // STRIDE + 1
