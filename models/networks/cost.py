"""The cost of a network: parameters, and multiply-accumulates a window."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """The parameters that training changes; a fixed Fourier transform has none."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def macs(network: nn.Module, *size: int) -> int:
    """Multiply-accumulates of all convolutions in one window; all else is negligible.

    `size` is that of one window (channels, frames) or image (channels, rows, columns). They are
    counted as PyTorch computes them, so those inside a composed layer count too.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *size))
    return int(counter.get_total_flops()) // 2
