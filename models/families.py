"""Every network family by name."""

from collections.abc import Callable

from torch import nn

from agent.errors import UserError
from models.convnet import ConvNet
from models.drsn import drsn
from models.envelope import envelope
from models.resnet import resnet
from models.senet import senet
from models.wdcnn import wdcnn

# (preset, channels, window, classes) -> network
FAMILIES: dict[str, Callable[[str, int, int, int], nn.Module]] = {
    "drsn-env": lambda preset, *size: envelope(preset, "threshold", *size),
    "se-env": lambda preset, *size: envelope(preset, "gain", *size),
    "res-env": lambda preset, *size: envelope(preset, "none", *size),
    "drsn-cw": lambda preset, channels, _, classes: drsn(preset, False, channels, classes),
    "drsn-cs": lambda preset, channels, _, classes: drsn(preset, True, channels, classes),
    "resnet": lambda preset, channels, _, classes: resnet(preset, channels, classes),
    "senet": lambda preset, channels, _, classes: senet(preset, channels, classes),
    "convnet": lambda preset, channels, _, classes: ConvNet(preset, channels, classes),
    "wdcnn": wdcnn,
}
SHORTEST_WINDOW = 256  # frames: what the deepest preset still reduces to a few


def build(family: str, preset: str, channels: int, window: int, classes: int) -> nn.Module:
    """An untrained network: standardized windows -> logits [batch, classes], alphas.

    Raises UserError for a family, preset or window that does not exist or cannot work.
    """
    if family not in FAMILIES:
        raise UserError(f"family: found {family!r}, expected one of {', '.join(FAMILIES)}")
    if window < SHORTEST_WINDOW:
        raise UserError(f"window: found {window}, expected at least {SHORTEST_WINDOW} frames")
    return FAMILIES[family](preset, channels, window, classes)
