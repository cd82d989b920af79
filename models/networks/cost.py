"""What a network costs: parameters, and multiply-accumulates a window."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """Those that training may change: a fixed Fourier transform has none."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def macs(network: nn.Module, *size: int) -> int:
    """Multiply-accumulates of all convolutions (there is nothing else that counts) a window.

    `size` is of one window (channels, frames) or image (channels, rows, columns). Counted where
    PyTorch computes them: a layer that pools or squares what its convolution gives hides none.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *size))
    return int(counter.get_total_flops()) // 2
