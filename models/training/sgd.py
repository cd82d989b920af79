"""Training as in the paper: SGD over a fixed set of windows, whose noise never changes.

Zhao, Zhong, Fu, Tang, Pecht: "Deep Residual Shrinkage Networks for Fault Diagnosis", IEEE
Transactions on Industrial Informatics 16(7), 2020.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import nn

from models.data.validation import Labelled
from models.networks.standardize import standardize

MOMENTUM, L2, BATCH = 0.9, 1e-4, 128
RATES = ((2, 0.1), (4, 0.01), (5, 0.001))  # end in fifths of the epochs, learning rate


def learning_rate(epoch: int, epochs: int) -> float:
    """Of one epoch, counted from 0: 0.1, 0.01 and 0.001 for 40, 40 and 20 % of them."""
    return next(rate for fifths, rate in RATES if 5 * epoch < fifths * epochs)


def optimizer(network: nn.Module) -> torch.optim.SGD:
    """L2 acts on every parameter, including biases and batch norms."""
    return torch.optim.SGD(network.parameters(), RATES[0][1], MOMENTUM, weight_decay=L2)


def train(network: nn.Module, windows: Labelled, epochs: int, seed: int) -> nn.Module:
    """The network, trained, in evaluation mode.

    Windows left over after the last full batch are skipped; they differ from epoch to epoch.
    """
    samples = standardize(torch.from_numpy(windows.samples))
    targets = torch.from_numpy(windows.targets)
    order = torch.Generator().manual_seed(seed)
    descent = optimizer(network.train())
    for epoch in range(epochs):
        for group in descent.param_groups:
            group["lr"] = learning_rate(epoch, epochs)
        places = torch.randperm(len(targets), generator=order)
        for rows in places[: len(targets) // BATCH * BATCH].view(-1, BATCH):
            logits, _ = network(samples[rows])
            loss = F.cross_entropy(logits, targets[rows])
            descent.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            descent.step()
    return network.eval()
