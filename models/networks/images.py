"""The same networks over images: kernels (k, k), a threshold for each channel of an image.

Only `ResidualShape.axes` differs from the networks along time. Zhao et al. (IEEE TII 16(7), 2020)
propose images beside their code. The gate of `senet` is as large here as that of `drsn-cw`.
"""

from collections.abc import Callable

from torch import Tensor, nn

from models.networks.convnet import ConvNet
from models.networks.residual import Residual, ResidualShape
from models.networks.resnet import IdentityGate
from models.networks.senet import Excitation
from models.networks.shrinkage import Shrinkage
from models.networks.standardize import standardize

# [batch, 1, 28, 28] -> maps of 28, 14 and 7 rows and columns.
FORM = ResidualShape(8, 3, 1, ((16, 2), (32, 2), (32, 1)), 3, "post", 0.05, axes=2)

# (channels, classes) -> network
FAMILIES: dict[str, Callable[[int, int], nn.Module]] = {
    "drsn-cw": lambda *size: Residual(FORM, lambda w: Shrinkage(w, False, FORM.alpha_start), *size),
    "drsn-cs": lambda *size: Residual(FORM, lambda w: Shrinkage(w, True, FORM.alpha_start), *size),
    "senet": lambda *size: Residual(FORM, lambda w: Excitation(w, 1), *size),
    "resnet": lambda *size: Residual(FORM, lambda w: IdentityGate(), *size),
    "convnet": lambda *size: ConvNet(FORM, *size),
}


def build(family: str, channels: int, classes: int) -> nn.Module:
    """An untrained network: [batch, channels, rows, columns] -> logits [batch, classes], alphas."""
    return FAMILIES[family](channels, classes)


def standardized(images: Tensor) -> Tensor:
    """[batch, channels, rows, columns] to zero mean and unit deviation, each image and channel."""
    return standardize(images.flatten(2)).view_as(images)
