"""Residual network over the envelope spectra of learned bands, noise shrunk before.

The classical analysis of bearings, learned: band-pass filters (the stem), the envelope of each
band, its spectrum, and a residual network along frequency. Randall, Antoni: "Rolling element
bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing 25(2), 2011. Before
the envelope every band passes a threshold that a sub-network sets for each window, as in Zhao,
Zhong, Fu, Tang, Pecht: "Deep Residual Shrinkage Networks for Fault Diagnosis", IEEE
Transactions on Industrial Informatics 16(7), 2020. The same network with a gain in place of the
threshold, and with neither, are its controls. Each comes in two forms: along frequency in hertz,
and along orders (`models.networks.order_tracking`), where it is told the shaft's speed; the twin
of the latter also sees the spectrum itself (`models.networks.spectrum_branch`).
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from agent.core.errors import UserError
from agent.core.model_contract import RUNNING_WIDTH
from models.networks import order_tracking
from models.networks.residual import Unit, conv
from models.networks.resnet import Open
from models.networks.senet import Excitation
from models.networks.shrinkage import Shrinkage, over_channels, soft_threshold
from models.networks.spectra import Spectrum
from models.networks.spectrum_branch import SpectrumBranch

Gate = Literal["threshold", "gain", "none"]
UNIT_GATES: dict[Gate, Callable[[int], nn.Module]] = {  # of the twin's units along hertz
    "threshold": lambda width: Shrinkage(width, False, 0.05),
    "gain": Excitation,
    "none": lambda width: Open(),
}
MOST_ALPHA = 2.0  # a band is never cut at more than twice its mean
QUIET = 1e-6  # of a standardized window: keeps quotients and logarithms finite


@dataclass(frozen=True)
class EnvelopeShape:
    """The stem's bands, kernel and stride; the units' widths; kernel and order as in `Unit`."""

    bands: int
    widths: tuple[int, ...]
    stem_kernel: int = 64
    stem_stride: int = 8
    kernel: int = 5
    order: Literal["pre", "post"] = "post"


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
        hidden = torch.relu(self.norm(self.squeeze(level / (over_channels(level) + QUIET))))
        return torch.sigmoid(self.excite(hidden))


class Envelope(nn.Module):
    """Bands, gate, envelope, spectrum, units along frequency or along orders, classifier.

    The threshold acts on the bands. The gain acts on their spectra, since these are relative
    to their own mean: a gain on a band would cancel.
    """

    def __init__(
        self,
        form: EnvelopeShape,
        gate: Gate,
        channels: int,
        window: int,
        classes: int,
        rate_hz: float | None = None,
        coloured: bool = False,
    ) -> None:
        """`rate_hz`: of the samples, for the form along orders; None: along hertz."""
        super().__init__()
        self.gate = gate
        self.stem = conv(channels, form.bands, form.stem_kernel, form.stem_stride)
        if gate != "none":
            # Alphas begin at 0.5, gains at 0.95: neither hides much at first.
            self.attention = Attention(form.bands, 0.25 if gate == "threshold" else 0.95)
        frames = _halved(window, form.stem_kernel, form.stem_stride)
        self.spectrum = Spectrum(frames)
        self.orders: order_tracking.Orders | None = None
        bins, seen = self.spectrum.bins, form.bands
        if rate_hz is not None:
            self.orders = order_tracking.Orders(bins, rate_hz / form.stem_stride / frames)
            bins, seen = order_tracking.POINTS, order_tracking.VIEWS * form.bands
        widths = (seen, *(max(seen, width) for width in form.widths))
        self.units = nn.ModuleList(
            Unit(width_in, width, 2, form, lambda width: Open())
            for width_in, width in itertools.pairwise(widths)
        )
        self.level_norm = nn.BatchNorm2d(form.bands)
        last = widths[-1] * math.ceil(bins / 2 ** len(form.widths))
        self.colour = SpectrumBranch(form, UNIT_GATES[gate], channels) if coloured else None
        width = last + form.bands + (2 if self.orders is not None else 0)
        width += self.colour.width if self.colour is not None else 0
        self.classifier = nn.Conv2d(width, classes, 1)
        self.noise_level = nn.Conv2d(width, 1, 1)  # SNR in tens of dB

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> logits [batch, classes], alphas [batch, bands or 0]."""
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, channels, window] -> [batch, features, 1, 1], alphas [batch, bands or 0].

        `running` [batch, 5] as in `agent.core.model_contract`; None: nothing is known.
        """
        bands, alphas = self._shrunk(self.stem(x.unsqueeze(2)))
        envelope = bands.abs()  # [batch, bands, 1, window / stem_stride]
        level = _mean(envelope)  # [batch, bands, 1, 1]
        h = self._relative(self.spectrum(envelope - level))  # [batch, bands, 1, bins]
        if self.gate == "gain":
            h = h * self.attention(level)
        told = []
        if self.orders is not None:
            running = x.new_zeros(x.shape[0], RUNNING_WIDTH) if running is None else running
            h = self.orders(h, running)  # [batch, 4 bands, 1, points]
            told = [order_tracking.known(running)]
        if self.colour is not None:
            told.append(self.colour(x))
        for unit in self.units:
            h, _ = unit(h)  # [batch, width, 1, bins / 2]
        level = self.level_norm((level + QUIET).log())
        # Where a line is tells most: nothing is averaged along the axis.
        features = torch.cat([h.flatten(1), level.flatten(1), *told], 1)
        return features[:, :, None, None], alphas

    def _shrunk(self, bands: Tensor) -> tuple[Tensor, Tensor]:
        if self.gate != "threshold":
            return bands, bands.new_zeros(bands.shape[0], 0)
        level = _mean(bands.abs())
        alpha = MOST_ALPHA * self.attention(level)  # [batch, bands, 1, 1]
        return soft_threshold(bands, alpha * level), alpha.flatten(1)

    def _relative(self, power: Tensor) -> Tensor:
        """Logarithm of each band's bins relative to their mean, centred."""
        logs = torch.log1p(power / (_mean(power) + QUIET))
        return logs - _mean(logs)


def envelope(
    preset: str,
    gate: Gate,
    channels: int,
    window: int,
    classes: int,
    rate_hz: float | None = None,
    coloured: bool = False,
) -> nn.Module:
    """[batch, channels, window] -> logits [batch, classes], alphas [batch, bands or 0].

    `preset` is 'small' or 'deploy'; anything else is a UserError.
    """
    if preset not in SHAPES:
        raise UserError(f"preset: found {preset!r}, expected one of {', '.join(SHAPES)}")
    return Envelope(SHAPES[preset], gate, channels, window, classes, rate_hz, coloured)


def two_branch(
    preset: str, gate: Gate, channels: int, window: int, classes: int, rate_hz: float
) -> nn.Module:
    """As `envelope` along orders, and told the colour too."""
    return envelope(preset, gate, channels, window, classes, rate_hz, True)


def _mean(x: Tensor) -> Tensor:
    """[batch, bands, 1, frames] -> [batch, bands, 1, 1]"""
    return F.avg_pool2d(x, (1, x.shape[3]))


def _halved(window: int, kernel: int, stride: int) -> int:
    """Frames that `conv` leaves of a window."""
    return (window + 2 * ((kernel - 1) // 2) - kernel) // stride + 1
