"""The distance of a window's features from those of the training windows.

k-means keeps a few typical feature vectors of each class, all of length one (Dhillon, Modha:
"Concept Decompositions for Large Sparse Text Data using Clustering", Machine Learning 42, 2001).
The distance is 1 minus the cosine to the nearest of them. Nearest neighbours on the sphere detect
unknown classes better than the softmax does (Sun, Ming, Zhu, Li: "Out-of-Distribution Detection
with Deep Nearest Neighbors", ICML 2022). `docs/NETWORKS.md` has the figures for unknown faults.
"""

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn

from models.networks.shrinkage import over_channels

PER_CLASS = 4
SHORTEST = 1e-12  # lower bound of squared lengths: features that are all zero have distance 1
Rows = npt.NDArray[np.float32]


def typical_features(
    features: Rows, targets: npt.NDArray[np.int64], per_class: int = PER_CLASS, seed: int = 0
) -> Rows:
    """[classes * per_class, features], of length one, for `features` [n, features], labels [n]."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    centres = [
        KMeans(per_class, n_init=2, random_state=seed).fit(unit[targets == label]).cluster_centers_
        for label in range(targets.max() + 1)
    ]
    rows = np.concatenate(centres)
    typical: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return typical


class Distance(nn.Module):
    """Features [batch, features, 1, 1] -> distance [batch]: 0 for equal directions, 1 orthogonal.

    It uses a 1x1 convolution and pooling, which ONNX Runtime rounds alike at every batch size.
    """

    def __init__(self, near: Rows) -> None:
        super().__init__()
        count, self.width = near.shape
        self.alike = nn.Conv2d(self.width, count, 1, bias=False)
        self.alike.weight.data = torch.from_numpy(near)[:, :, None, None]

    def forward(self, features: Tensor) -> Tensor:
        squared = self.width * over_channels(features * features).flatten(1)  # [batch, 1]
        cosines = self.alike(features).flatten(1) / squared.clamp(min=SHORTEST).sqrt()
        nearest: Tensor = cosines.amax(1)  # [batch]
        return 1 - nearest
