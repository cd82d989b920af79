"""How far a window's features lie from those of every class in training.

A class is taken for a normal distribution around its mean; all share one covariance, of which the
widest directions are kept and the rest taken as equally wide (Tipping, Bishop: "Probabilistic
Principal Component Analysis", JRSS B 61(3), 1999). The Mahalanobis distance to the nearest class
tells what training has not shown better than the softmax does (Lee, Lee, Lee, Shin: "A Simple
Unified Framework for Detecting Out-of-Distribution Samples", NeurIPS 2018).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.shrinkage import over_channels

DIRECTIONS = 32
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Classes:
    """`means` [classes, features]; `directions` [kept, features], orthonormal, and `variances`."""

    means: Rows
    directions: Rows
    variances: Rows  # [kept]
    rest: float  # the variance in every other direction


def classes(features: Rows, targets: npt.NDArray[np.int64], kept: int = DIRECTIONS) -> Classes:
    """Fitted to `features` [n, features] of training windows with those labels [n]."""
    labels = range(targets.max() + 1)
    means = np.stack([features[targets == label].mean(0) for label in labels])
    centred = features - means[targets]
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    variances = singular**2 / len(features)
    rest = variances[kept:].sum() / max(1, features.shape[1] - kept)
    return Classes(means, directions[:kept], variances[:kept], float(rest))


class Distance(nn.Module):
    """Features [batch, features, 1, 1] -> distance to the nearest class [batch], about 1 within.

    Written as 1x1 convolutions and pooling: ONNX Runtime rounds those alike at every batch size.
    """

    middle: Tensor
    centres: Tensor
    norms: Tensor

    def __init__(self, fitted: Classes) -> None:
        super().__init__()
        count, width = fitted.means.shape
        kept = len(fitted.directions)
        self.width = width
        middle = fitted.means.mean(0)  # taken off first: else small differences of large numbers
        means = fitted.means - middle
        self.register_buffer("middle", torch.tensor(middle, dtype=torch.float32)[:, None, None])
        self.project = _fixed(np.concatenate([fitted.directions, means]))
        centres = means @ fitted.directions.T  # [classes, kept]
        self.register_buffer("centres", torch.tensor(centres, dtype=torch.float32))
        norms = (means**2).sum(1)
        self.register_buffer("norms", torch.tensor(norms, dtype=torch.float32))
        scale = 1 / fitted.variances - 1 / fitted.rest  # [kept]
        self.weigh = _fixed(np.kron(np.eye(count), scale).astype(np.float64))
        self.kept, self.rest = kept, fitted.rest

    def forward(self, features: Tensor) -> Tensor:
        features = features - self.middle
        seen = self.project(features).flatten(1)  # [batch, kept + classes]
        along, inner = seen[:, : self.kept], seen[:, self.kept :]
        length = over_channels(features * features).flatten(1) * self.width  # [batch, 1]
        squared = length - 2 * inner + self.norms  # [batch, classes], to each mean
        offset = along[:, None] - self.centres  # [batch, classes, kept]
        skew = self.weigh((offset * offset).flatten(1)[:, :, None, None]).flatten(1)
        spread = (squared / self.rest + skew) / self.width
        nearest: Tensor = spread.amin(1)  # [batch]
        return nearest.clamp(min=0.0).sqrt()


def _fixed(weight: Rows) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=False)
    layer.weight.data = torch.tensor(weight, dtype=torch.float32)[:, :, None, None]
    return layer
