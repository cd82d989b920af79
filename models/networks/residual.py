"""The residual network that DRSN, SENet and ResNet share; they differ only in the gate.

Along time, feature maps are [batch, width, 1, frames] and kernels (1, k): ONNX Runtime's blocked
layout serves two-dimensional convolutions only. Over images (`axes` 2) they are [batch, width,
rows, columns] and kernels (k, k); nothing else changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from agent.core.errors import UserError

# From a width to a module: x [batch, width, 1, frames] -> (the same shape, alphas [batch, any]).
Gate = Callable[[int], nn.Module]
Axes = Literal[1, 2]  # along time, or over an image's rows and columns


class UnitShape(Protocol):
    """What all units of a network share."""

    @property
    def kernel(self) -> int: ...
    @property
    def order(self) -> Literal["pre", "post"]: ...  # where batch norm and ReLU stand
    @property
    def axes(self) -> Axes: ...


@dataclass(frozen=True)
class ResidualShape:
    """Widths, kernels and strides of a residual network, apart from its gate."""

    stem_width: int
    stem_kernel: int
    stem_stride: int
    units: tuple[tuple[int, int], ...]  # (width, stride)
    kernel: int
    order: Literal["pre", "post"]  # where batch norm and ReLU stand in a unit
    alpha_start: float
    axes: Axes = 1


def _stage(width: int) -> tuple[tuple[int, int], ...]:
    return ((width, 2), (width, 1), (width, 1), (width, 1))


SHAPES = {
    # The paper's network, table II: four units in each of three stages.
    "paper": ResidualShape(4, 3, 2, _stage(4) + _stage(8) + _stage(16), 3, "pre", 0.5),
    # For trials: learns in a minute.
    "small": ResidualShape(8, 64, 8, ((16, 2), (16, 2), (32, 2)), 5, "post", 0.05),
    # For the edge: every batch norm folds into a convolution, and widths at which INT8 pays.
    "deploy": ResidualShape(32, 64, 8, ((32, 2), (64, 2), (64, 2), (64, 2)), 5, "post", 0.05),
}


def shape(preset: str) -> ResidualShape:
    if preset not in SHAPES:
        raise UserError(f"preset: found {preset!r}, expected one of {', '.join(SHAPES)}")
    return SHAPES[preset]


def conv(width_in: int, width: int, kernel: int, stride: int, axes: Axes = 1) -> nn.Conv2d:
    """A convolution that keeps the length along each axis, but for the stride."""
    padding = (kernel - 1) // 2
    if axes == 2:
        return nn.Conv2d(width_in, width, kernel, stride, padding, bias=False)
    return nn.Conv2d(width_in, width, (1, kernel), (1, stride), (0, padding), bias=False)


def shortcut(x: Tensor, width: int, stride: int, axes: Axes = 1) -> Tensor:
    """The identity, strided, with zeros for the channels that x lacks."""
    if stride > 1:  # a window of one: every stride-th frame, or row and column
        x = F.max_pool2d(x, 1, (1, stride) if axes == 1 else stride)
    if width > x.shape[1]:
        x = F.pad(x, (0, 0, 0, 0, 0, width - x.shape[1]))  # [batch, width, 1, frames / stride]
    return x


def average(x: Tensor) -> Tensor:
    """Mean over frames, or rows and columns: [batch, width, ...] -> [batch, width, 1, 1]."""
    return F.avg_pool2d(x, x.shape[2:])


def planes(x: Tensor, axes: Axes) -> Tensor:
    """[batch, channels, window] -> [batch, channels, 1, window] for a stem; images as they are."""
    return x.unsqueeze(2) if axes == 1 else x


class Unit(nn.Module):
    """Two convolutions, the gate and the shortcut: the paper's RSBU when the gate shrinks."""

    def __init__(self, width_in: int, width: int, stride: int, form: UnitShape, gate: Gate) -> None:
        super().__init__()
        self.pre, self.width, self.stride = form.order == "pre", width, stride
        self.axes: Axes = form.axes
        self.conv1 = conv(width_in, width, form.kernel, stride, form.axes)
        self.norm1 = nn.BatchNorm2d(width_in if self.pre else width)
        self.conv2 = conv(width, width, form.kernel, 1, form.axes)
        self.norm2 = nn.BatchNorm2d(width)
        self.gate = gate(width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.pre:
            h = self.conv1(torch.relu(self.norm1(x)))  # [batch, width, 1, frames / stride]
            h = self.conv2(torch.relu(self.norm2(h)))
        else:
            h = torch.relu(self.norm1(self.conv1(x)))  # [batch, width, 1, frames / stride]
            h = self.norm2(self.conv2(h))
        h, alpha = self.gate(h)
        y = h + shortcut(x, self.width, self.stride, self.axes)
        return (y if self.pre else torch.relu(y)), alpha


class Residual(nn.Module):
    """Stem, units, global average, classifier."""

    def __init__(self, form: ResidualShape, gate: Gate, channels: int, classes: int) -> None:
        super().__init__()
        self.pre, self.axes = form.order == "pre", form.axes
        self.stem = conv(channels, form.stem_width, form.stem_kernel, form.stem_stride, form.axes)
        widths = [form.stem_width, *(width for width, _ in form.units)]
        self.units = nn.ModuleList(
            Unit(width_in, width, stride, form, gate)
            for width_in, (width, stride) in zip(widths, form.units, strict=False)
        )
        self.norm = nn.BatchNorm2d(widths[-1] if self.pre else form.stem_width)
        self.classifier = nn.Conv2d(widths[-1], classes, 1)

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> logits [batch, classes], alphas [batch, any].

        Over images, x is [batch, channels, rows, columns].
        """
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, _running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> [batch, width, 1, 1], alphas [batch, any]."""
        h = self.stem(planes(x, self.axes))  # [batch, stem_width, 1, window / stem_stride]
        if not self.pre:
            h = torch.relu(self.norm(h))
        alphas = []
        for unit in self.units:
            h, alpha = unit(h)
            alphas.append(alpha)
        if self.pre:
            h = torch.relu(self.norm(h))
        return average(h), torch.cat(alphas, 1)
