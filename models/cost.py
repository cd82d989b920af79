"""What a network costs: parameters, and multiply-accumulates a window."""

import math
from typing import Any

import torch
from torch import nn


def parameters(network: nn.Module) -> int:
    """Those that training may change: a fixed Fourier transform has none."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def macs(network: nn.Module, *size: int) -> int:
    """Multiply-accumulates of all convolutions (there is nothing else that counts) a window.

    `size` is of one window (channels, frames) or image (channels, rows, columns).
    """
    total = 0

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += output.numel() * layer.in_channels * math.prod(layer.kernel_size)

    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(count) for layer in convs]
    with torch.inference_mode():
        network.eval()(torch.zeros(1, *size))
    for hook in hooks:
        hook.remove()
    return total
