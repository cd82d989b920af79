"""Residual network without a gate: the control for every claim about shrinkage.

He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

from torch import Tensor, nn

from models.networks.residual import Residual, shape


class IdentityGate(nn.Module):
    """The gate that changes nothing and has no alphas."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x.new_zeros(x.shape[0], 0)


def resnet(preset: str, channels: int, classes: int) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], no alphas [batch, 0]."""
    return Residual(shape(preset), lambda width: IdentityGate(), channels, classes)
