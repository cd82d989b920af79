"""Where in an image a network's thresholds zero: the share of channels silent at each place."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.experiments.digits.cluttered_digits import CANVAS, DIGIT, Array, Indices
from models.networks import images
from models.networks.shrinkage import Shrinkage


def maps(network: nn.Module, pixels: Array) -> list[Array]:
    """[n, 1, rows, columns] -> for each gate that shrinks, share of channels set to zero.

    Each is [n, rows, columns] of that gate's map. Exactly zero: what lies within the threshold.
    """
    found: list[Array] = []

    def look(gate: nn.Module, given: Any, result: tuple[Tensor, Tensor]) -> None:
        found.append((result[0] == 0).float().mean(1).numpy())

    hooks = [
        gate.register_forward_hook(look)
        for gate in network.modules()
        if isinstance(gate, Shrinkage)
    ]
    with torch.inference_mode():
        network.eval()(images.standardized(torch.from_numpy(pixels)))
    for hook in hooks:
        hook.remove()
    return found


def in_and_out(zeroed: Sequence[Array], corners: Indices) -> list[tuple[float, float]]:
    """Mean share zeroed where the digit is and where it is not, for each gate."""
    inside = np.zeros((len(corners), CANVAS, CANVAS), bool)
    for canvas, (row, column) in zip(inside, corners, strict=True):
        canvas[row : row + DIGIT, column : column + DIGIT] = True
    found = []
    for share in zeroed:
        step = CANVAS // share.shape[1]
        own = inside[:, ::step, ::step]
        found.append((float(share[own].mean()), float(share[~own].mean())))
    return found
