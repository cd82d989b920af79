"""Plain convolutional network: the same convolutions, no shortcut and no gate.

This is the paper's first control: it shows what residual learning itself adds.
"""

import torch
from torch import Tensor, nn

from models.networks.residual import ResidualShape, average, conv, planes


class ConvNet(nn.Module):
    """Layers of convolution, batch norm and ReLU; global average; classifier."""

    def __init__(self, form: ResidualShape, channels: int, classes: int) -> None:
        super().__init__()
        self.axes = form.axes
        stem = conv(channels, form.stem_width, form.stem_kernel, form.stem_stride, form.axes)
        layers = [stem]
        for width, stride in form.units:
            layers.append(conv(layers[-1].out_channels, width, form.kernel, stride, form.axes))
            layers.append(conv(width, width, form.kernel, 1, form.axes))
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.BatchNorm2d(layer.out_channels) for layer in layers)
        self.classifier = nn.Conv2d(layers[-1].out_channels, classes, 1)

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> logits [batch, classes], no alphas [batch, 0].

        Over images, x is [batch, channels, rows, columns].
        """
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, _running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> [batch, width, 1, 1], no alphas [batch, 0]."""
        h = planes(x, self.axes)  # [batch, channels, 1, window]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = torch.relu(norm(layer(h)))  # [batch, width, 1, frames / stride]
        return average(h), x.new_zeros(x.shape[0], 0)
