"""Every network family by name.

A network is called with standardized windows [batch, channels, window] and, where it reads them,
with `running` [batch, 5] (see `agent.core.model_contract`): it gives logits [batch, classes] and
alphas [batch, thresholds]. Its `features` are what its `classifier` sees, [batch, any, 1, 1].
"""

from collections.abc import Callable

from torch import nn

from agent.core.errors import UserError
from models.data.recipe import Recipe
from models.networks.convnet import ConvNet
from models.networks.drsn import drsn
from models.networks.envelope import envelope, two_branch
from models.networks.mel_resnet import speech
from models.networks.residual import shape
from models.networks.resnet import resnet
from models.networks.senet import senet
from models.networks.wdcnn import wdcnn

# (preset, channels, window, classes, rate_hz) -> network
FAMILIES: dict[str, Callable[[str, int, int, int, float], nn.Module]] = {
    "drsn-twin": lambda preset, *size: two_branch(preset, "threshold", *size),
    "se-twin": lambda preset, *size: two_branch(preset, "gain", *size),
    "res-twin": lambda preset, *size: two_branch(preset, "none", *size),
    "drsn-order": lambda preset, *size: envelope(preset, "threshold", *size),
    "se-order": lambda preset, *size: envelope(preset, "gain", *size),
    "res-order": lambda preset, *size: envelope(preset, "none", *size),
    "drsn-env": lambda preset, *size: envelope(preset, "threshold", *size[:3]),
    "se-env": lambda preset, *size: envelope(preset, "gain", *size[:3]),
    "res-env": lambda preset, *size: envelope(preset, "none", *size[:3]),
    "drsn-cw": lambda preset, channels, _, classes, __: drsn(preset, False, channels, classes),
    "drsn-cs": lambda preset, channels, _, classes, __: drsn(preset, True, channels, classes),
    "resnet": lambda preset, channels, _, classes, __: resnet(preset, channels, classes),
    "senet": lambda preset, channels, _, classes, __: senet(preset, channels, classes),
    "convnet": lambda preset, channels, _, classes, __: ConvNet(shape(preset), channels, classes),
    "drsn-mel": lambda preset, *size: speech(preset, "threshold", *size),
    "se-mel": lambda preset, *size: speech(preset, "gain", *size),
    "res-mel": lambda preset, *size: speech(preset, "none", *size),
    "wdcnn": lambda preset, *size: wdcnn(preset, *size[:3]),
}
READ_RUNNING = ("drsn-twin", "se-twin", "res-twin", "drsn-order", "se-order", "res-order")
SHORTEST_WINDOW = 256  # frames: what the deepest preset still reduces to a few


def build(
    family: str, preset: str, channels: int, window: int, classes: int, rate_hz: float
) -> nn.Module:
    """An untrained network.

    Raises UserError for a family, preset or window that does not exist or cannot work.
    """
    if family not in FAMILIES:
        raise UserError(f"family: found {family!r}, expected one of {', '.join(FAMILIES)}")
    if window < SHORTEST_WINDOW:
        raise UserError(f"window: found {window}, expected at least {SHORTEST_WINDOW} frames")
    return FAMILIES[family](preset, channels, window, classes, rate_hz)


def untrained(recipe: Recipe) -> nn.Module:
    """The recipe's network before training."""
    size = (recipe.channels, recipe.window, len(recipe.labels), recipe.rate_hz)
    return build(recipe.family, recipe.preset, *size)
