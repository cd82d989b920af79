"""The sparsity of feature maps: the share of channels that thresholds set to zero."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.experiments.digits.cluttered_digits import CANVAS, DIGIT, Array, Indices
from models.networks import images
from models.networks.shrinkage import Shrinkage


def maps(network: nn.Module, pixels: Array) -> list[Array]:
    """[n, 1, rows, columns] -> the share of zero channels at each place, for each threshold.

    A map is [n, rows, columns] of that unit. Values within the threshold are exactly zero.
    """
    shares: list[Array] = []

    def record(gate: nn.Module, inputs: Any, result: tuple[Tensor, Tensor]) -> None:
        shares.append((result[0] == 0).float().mean(1).numpy())

    hooks = [
        gate.register_forward_hook(record)
        for gate in network.modules()
        if isinstance(gate, Shrinkage)
    ]
    with torch.inference_mode():
        network.eval()(images.standardized(torch.from_numpy(pixels)))
    for hook in hooks:
        hook.remove()
    return shares


def in_and_out(shares: Sequence[Array], corners: Indices) -> list[tuple[float, float]]:
    """The mean share of zeros at the digit and elsewhere, for each threshold."""
    inside = np.zeros((len(corners), CANVAS, CANVAS), bool)
    for canvas, (row, column) in zip(inside, corners, strict=True):
        canvas[row : row + DIGIT, column : column + DIGIT] = True
    means = []
    for share in shares:
        step = CANVAS // share.shape[1]
        mask = inside[:, ::step, ::step]
        means.append((float(share[mask].mean()), float(share[~mask].mean())))
    return means
