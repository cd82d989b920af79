"""Deep Residual Shrinkage Network, channel-wise (CW) and channel-shared (CS) thresholds.

Zhao, Zhong, Fu, Tang, Pecht: "Deep Residual Shrinkage Networks for Fault Diagnosis", IEEE
Transactions on Industrial Informatics 16(7), 2020.
"""

from torch import nn

from models.networks.residual import Residual, shape
from models.networks.shrinkage import Shrinkage


def drsn(preset: str, shared: bool, channels: int, classes: int) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], alphas [batch, thresholds].

    `preset` is a key of `residual.SHAPES`; raises UserError for any other.
    """
    form = shape(preset)
    return Residual(form, lambda w: Shrinkage(w, shared, form.alpha_start), channels, classes)
