"""Every network family by name.

A network is called with standardized windows [batch, channels, window] and, where it reads them,
with the running conditions `running` [batch, 5] (see `agent.core.model_contract`). It returns
logits [batch, classes] and alphas [batch, thresholds]. Its method `features` returns the input of
its `classifier`, [batch, any, 1, 1].
"""

from collections.abc import Callable

from torch import nn

from agent.core.errors import UserError
from models.networks.convnet import ConvNet
from models.networks.dimensions import Dimensions
from models.networks.drsn import drsn
from models.networks.envelope import envelope
from models.networks.mel_resnet import mel_resnet
from models.networks.residual import shape
from models.networks.resnet import resnet
from models.networks.senet import senet
from models.networks.wdcnn import wdcnn

FAMILIES: dict[str, Callable[[str, Dimensions], nn.Module]] = {  # called with preset, dimensions
    "drsn-twin": lambda preset, size: envelope(preset, "threshold", "two-branch", size),
    "se-twin": lambda preset, size: envelope(preset, "gain", "two-branch", size),
    "res-twin": lambda preset, size: envelope(preset, "none", "two-branch", size),
    "drsn-order": lambda preset, size: envelope(preset, "threshold", "orders", size),
    "se-order": lambda preset, size: envelope(preset, "gain", "orders", size),
    "res-order": lambda preset, size: envelope(preset, "none", "orders", size),
    "drsn-env": lambda preset, size: envelope(preset, "threshold", "hertz", size),
    "se-env": lambda preset, size: envelope(preset, "gain", "hertz", size),
    "res-env": lambda preset, size: envelope(preset, "none", "hertz", size),
    "drsn-cw": lambda preset, size: drsn(preset, False, size.channels, size.classes),
    "drsn-cs": lambda preset, size: drsn(preset, True, size.channels, size.classes),
    "resnet": lambda preset, size: resnet(preset, size.channels, size.classes),
    "senet": lambda preset, size: senet(preset, size.channels, size.classes),
    "convnet": lambda preset, size: ConvNet(shape(preset), size.channels, size.classes),
    "drsn-mel": lambda preset, size: mel_resnet(preset, "threshold", size),
    "se-mel": lambda preset, size: mel_resnet(preset, "gain", size),
    "res-mel": lambda preset, size: mel_resnet(preset, "none", size),
    "wdcnn": lambda preset, size: wdcnn(preset, size.channels, size.window, size.classes),
}
SHORTEST_WINDOW = 256  # frames: the deepest preset still leaves a few of them


def build(family: str, preset: str, dimensions: Dimensions) -> nn.Module:
    """An untrained network.

    Raises UserError for an unknown family or preset and for a window that is too short.
    """
    if family not in FAMILIES:
        raise UserError(f"family: found {family!r}, expected one of {', '.join(FAMILIES)}")
    if dimensions.window < SHORTEST_WINDOW:
        raise UserError(
            f"window: found {dimensions.window}, expected at least {SHORTEST_WINDOW} frames"
        )
    return FAMILIES[family](preset, dimensions)
