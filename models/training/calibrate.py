"""Fits after training: one temperature, and the SNR as a line of the thresholds.

Guo, Pleiss, Sun, Weinberger: "On Calibration of Modern Neural Networks", ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from models.data.recordings import Array
from models.networks.standardize import standardize

RIDGE = 1e-3  # relative to the number of windows; alphas are standardized first


@dataclass(frozen=True)
class SnrLine:
    """snr_db = alphas @ weight + bias; `weight` [thresholds]."""

    weight: tuple[float, ...]
    bias: float


def forward(
    network: nn.Module, samples: Array, running: Array, batch: int = 128
) -> tuple[Tensor, Tensor]:
    """Raw windows [n, channels, window], machines [n, 5] -> logits [n, classes], alphas."""
    device = next(network.parameters()).device
    x, conditions = torch.from_numpy(samples).to(device), torch.from_numpy(running).to(device)
    with torch.inference_mode():
        parts = [
            network(standardize(x[start : start + batch]), conditions[start : start + batch])
            for start in range(0, len(samples), batch)
        ]
    logits, alphas = zip(*parts, strict=True)
    return torch.cat(logits).cpu(), torch.cat(alphas).cpu()


def features(network: nn.Module, samples: Array, running: Array, batch: int = 128) -> Tensor:
    """Raw windows [n, channels, window], machines [n, 5] -> the classifier's inputs [n, any]."""
    x, conditions = torch.from_numpy(samples), torch.from_numpy(running)
    with torch.inference_mode():
        parts = [
            network.features(standardize(x[rows]), conditions[rows])[0]  # type: ignore[operator]
            for rows in (slice(at, at + batch) for at in range(0, len(samples), batch))
        ]
    return torch.cat(parts).flatten(1)


def temperature(logits: Tensor, targets: Tensor) -> float:
    """The divisor of the logits that gives the targets the highest likelihood."""
    grid = torch.logspace(-1, 1, 201)
    losses = torch.stack([F.cross_entropy(logits / divisor, targets) for divisor in grid])
    return float(grid[losses.argmin()])


def snr_line(alphas: Tensor, snr_db: Array) -> SnrLine | None:
    """Ridge regression of the SNR on the thresholds' alphas; None where there are none."""
    if alphas.shape[1] == 0:
        return None
    noisy = np.isfinite(snr_db)
    x, y = alphas.numpy()[noisy].astype(np.float64), snr_db[noisy].astype(np.float64)
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / deviation
    gram = z.T @ z + RIDGE * len(z) * np.eye(z.shape[1])
    weight = np.linalg.solve(gram, z.T @ (y - y.mean())) / deviation
    return SnrLine(tuple(weight.tolist()), float(y.mean() - weight @ mean))
