"""Residual network over the envelope spectra of learned bands.

This is the classical analysis of bearings with learned parts: band-pass filters (the stem), the
envelope of each band, its spectrum, and a residual network along frequency. Randall, Antoni:
"Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing 25(2),
2011. Before the envelope, each band passes a threshold that a sub-network sets for each window, as
in Zhao, Zhong, Fu, Tang, Pecht: "Deep Residual Shrinkage Networks for Fault Diagnosis", IEEE
Transactions on Industrial Informatics 16(7), 2020. Two controls have a gain in place of the
threshold, or neither.

There are three forms. `hertz` reads the spectra along frequency. `orders` reads them along orders
of shaft and bearing (`models.networks.order_tracking`) and needs the shaft's speed. `two-branch`
adds a branch that sees the spectrum of the window itself (`models.networks.spectrum_branch`).
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from agent.core.errors import UserError
from agent.core.model_contract import RUNNING_WIDTH
from models.networks import order_tracking
from models.networks.dimensions import Dimensions
from models.networks.residual import Axes, Unit, conv
from models.networks.resnet import IdentityGate
from models.networks.senet import Excitation
from models.networks.shrinkage import Shrinkage, over_channels, soft_threshold
from models.networks.spectra import Spectrum
from models.networks.spectrum_branch import SpectrumBranch

Gate = Literal["threshold", "gain", "none"]
Form = Literal["hertz", "orders", "two-branch"]
BRANCH_GATES: dict[Gate, Callable[[int], nn.Module]] = {  # of the spectrum branch's units
    "threshold": lambda width: Shrinkage(width, False, 0.05),
    "gain": Excitation,
    "none": lambda width: IdentityGate(),
}
ALPHA_START, GAIN_START = 0.25, 0.95  # of attention: neither removes much at first
MAX_ALPHA = 2.0  # a band's threshold is at most twice its mean
EPSILON = 1e-6  # of a standardized window: keeps quotients and logarithms finite
RENAMED = ("colour.", "spectrum_branch.")  # a branch's weights in checkpoints before 0.2, and now


@dataclass(frozen=True)
class EnvelopeShape:
    """The stem's bands, kernel and stride; the units' widths; the rest as in `UnitShape`."""

    bands: int
    widths: tuple[int, ...]
    stem_kernel: int = 64
    stem_stride: int = 8
    kernel: int = 5
    order: Literal["pre", "post"] = "post"
    axes: Axes = 1


SHAPES = {"small": EnvelopeShape(8, (16, 16)), "deploy": EnvelopeShape(16, (32, 32))}


class Attention(nn.Module):
    """A share in (0, 1) for every band, from the bands' levels relative to one another."""

    def __init__(self, bands: int, start: float) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(bands, bands // 2, 1)
        self.norm = nn.BatchNorm2d(bands // 2)
        self.excite = nn.Conv2d(bands // 2, bands, 1)
        self.excite.weight.data *= 0.3  # shares begin close to `start`
        nn.init.constant_(self.excite.bias, math.log(start / (1 - start)))  # type: ignore[arg-type]

    def forward(self, level: Tensor) -> Tensor:
        """level [batch, bands, 1, 1] -> the same shape."""
        hidden = torch.relu(self.norm(self.squeeze(level / (over_channels(level) + EPSILON))))
        return torch.sigmoid(self.excite(hidden))


class Envelope(nn.Module):
    """Bands, gate, envelope, spectrum, units along frequency or along orders, classifier.

    The threshold acts on the bands. The gain acts on their spectra, because these are relative
    to their own mean: a gain on a band would cancel.
    """

    def __init__(self, shape: EnvelopeShape, gate: Gate, form: Form, size: Dimensions) -> None:
        super().__init__()
        self.gate = gate
        self.stem = conv(size.channels, shape.bands, shape.stem_kernel, shape.stem_stride)
        if gate != "none":
            start = ALPHA_START if gate == "threshold" else GAIN_START
            self.attention = Attention(shape.bands, start)
        frames = _strided(size.window, shape.stem_kernel, shape.stem_stride)
        self.spectrum = Spectrum(frames)
        bins, channels = self.spectrum.bins, shape.bands
        self.orders: order_tracking.Orders | None = None
        if form != "hertz":
            self.orders = order_tracking.Orders(bins, size.rate_hz / shape.stem_stride / frames)
            bins, channels = order_tracking.POINTS, order_tracking.VIEWS * shape.bands
        self.units = _units(shape, channels)
        self.level_norm = nn.BatchNorm2d(shape.bands)
        self.spectrum_branch: SpectrumBranch | None = None
        if form == "two-branch":
            self.spectrum_branch = SpectrumBranch(shape, BRANCH_GATES[gate], size.channels)
        width = self._features(shape, bins)
        self.classifier = nn.Conv2d(width, size.classes, 1)
        self.noise_level = nn.Conv2d(width, 1, 1)  # SNR in tens of dB
        self.register_load_state_dict_pre_hook(_rename)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> logits [batch, classes], alphas [batch, bands or 0]."""
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> [batch, features, 1, 1], alphas [batch, bands or 0].

        `running` [batch, 5] as in `agent.core.model_contract`; None: speed and bearing unknown.
        """
        bands, alphas = self._shrunk(self.stem(x.unsqueeze(2)))
        envelope = bands.abs()  # [batch, bands, 1, window / stem_stride]
        level = _mean(envelope)  # [batch, bands, 1, 1]
        h = self._relative(self.spectrum(envelope - level))  # [batch, bands, 1, bins]
        if self.gate == "gain":
            h = h * self.attention(level)
        extra = []
        if self.orders is not None:
            running = x.new_zeros(x.shape[0], RUNNING_WIDTH) if running is None else running
            h = self.orders(h, running)  # [batch, 4 bands, 1, points]
            extra = [order_tracking.is_given(running)]
        if self.spectrum_branch is not None:
            extra.append(self.spectrum_branch(x))
        for unit in self.units:
            h, _ = unit(h)  # [batch, width, 1, bins / 2]
        level = self.level_norm((level + EPSILON).log())
        # The position of a line is the evidence, so nothing is averaged along the axis.
        features = torch.cat([h.flatten(1), level.flatten(1), *extra], 1)
        return features[:, :, None, None], alphas

    def _features(self, shape: EnvelopeShape, bins: int) -> int:
        """The number of features that the classifier reads."""
        width = self.units[-1].width * math.ceil(bins / 2 ** len(shape.widths)) + shape.bands
        width += 2 if self.orders is not None else 0
        return int(width + (self.spectrum_branch.width if self.spectrum_branch is not None else 0))

    def _shrunk(self, bands: Tensor) -> tuple[Tensor, Tensor]:
        if self.gate != "threshold":
            return bands, bands.new_zeros(bands.shape[0], 0)
        level = _mean(bands.abs())
        alpha = MAX_ALPHA * self.attention(level)  # [batch, bands, 1, 1]
        return soft_threshold(bands, alpha * level), alpha.flatten(1)

    def _relative(self, power: Tensor) -> Tensor:
        """Logarithm of each band's bins relative to their mean, centred."""
        logs = torch.log1p(power / (_mean(power) + EPSILON))
        return logs - _mean(logs)


def envelope(preset: str, gate: Gate, form: Form, size: Dimensions) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], alphas [batch, bands or 0].

    `preset` is 'small' or 'deploy'; raises UserError for any other.
    """
    if preset not in SHAPES:
        raise UserError(f"preset: found {preset!r}, expected one of {', '.join(SHAPES)}")
    return Envelope(SHAPES[preset], gate, form, size)


def _units(shape: EnvelopeShape, channels: int) -> nn.ModuleList:
    """Residual units without a gate, each halving the bins."""
    widths = (channels, *(max(channels, width) for width in shape.widths))
    return nn.ModuleList(
        Unit(width_in, width, 2, shape, lambda width: IdentityGate())
        for width_in, width in itertools.pairwise(widths)
    )


def _rename(_module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Lets a checkpoint that was written before version 0.2 load."""
    old, new = (prefix + name for name in RENAMED)
    for name in [name for name in state if name.startswith(old)]:
        state[new + name.removeprefix(old)] = state.pop(name)


def _mean(x: Tensor) -> Tensor:
    """[batch, bands, 1, frames] -> [batch, bands, 1, 1]"""
    return F.avg_pool2d(x, (1, x.shape[3]))


def _strided(window: int, kernel: int, stride: int) -> int:
    """Frames that `conv` leaves of a window."""
    return (window + 2 * ((kernel - 1) // 2) - kernel) // stride + 1
