"""Residual network for spoken words: it computes a log-mel spectrogram from raw samples.

Short-time Fourier transform (25 ms, Hann, every 16 ms), power in bands equally wide in mel
(Davis, Mermelstein: "Comparison of Parametric Representations for Monosyllabic Word Recognition in
Continuously Spoken Sentences", IEEE Transactions on Acoustics, Speech and Signal Processing 28(4),
1980), logarithm, each band relative to its mean over the window (Atal: "Effectiveness of linear
prediction characteristics of the speech wave for automatic speaker identification and
verification", JASA 55(6), 1974), then residual units along frequency and time. In `drsn-mel` each
unit has channel-wise thresholds (`models.networks.shrinkage`). The controls have the same layers
with a gain in place of the thresholds (`se-mel`) or with neither (`res-mel`).
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name)
from torch import Tensor, nn

from agent.core.errors import UserError
from models.networks.dimensions import Dimensions
from models.networks.residual import Axes, Gate, Unit, conv
from models.networks.resnet import IdentityGate
from models.networks.senet import Excitation
from models.networks.shrinkage import Shrinkage

FRAME_S, HOP_S = 0.025, 0.016
FLOOR = 1e-3  # added to each band's power, which is 1 for white noise of the window's power
LOWEST_HZ = 60.0


@dataclass(frozen=True)
class MelShape:
    """Bands of the spectrogram; the stem's width; units; the rest as in `UnitShape`."""

    bands: int
    stem_width: int
    units: tuple[tuple[int, int], ...]  # (width, stride)
    kernel: int = 3
    order: Literal["pre", "post"] = "post"
    axes: Axes = 2
    alpha_start: float = 0.05


SHAPES = {
    "small": MelShape(16, 8, ((16, 2), (16, 2))),
    "deploy": MelShape(32, 32, ((32, 1), (64, 2), (96, 2))),  # widths at which INT8 pays
}


class LogMel(nn.Module):
    """[batch, channels, 1, window] -> [batch, channels, bands, frames]: fixed, nothing is learned.

    Transform and bands are convolutions: ONNX Runtime then rounds alike at every batch size.
    """

    def __init__(self, bands: int, rate_hz: float) -> None:
        super().__init__()
        frame, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
        bins = frame // 2
        self.waves = nn.Conv2d(1, 2 * bins, (1, frame), (1, hop), bias=False)
        self.waves.weight.data = _waves(frame)[:, None, None]
        self.mel = nn.Conv2d(2 * bins, bands, 1)  # of cosines and sines alike
        self.mel.weight.data = mel_bands(bands, frame, rate_hz).repeat(1, 2)[:, :, None, None]
        nn.init.constant_(self.mel.bias, FLOOR)  # type: ignore[arg-type]
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.waves(x)  # [batch, 2 bins, 1, frames]
        logs = self.mel(h * h).log()
        logs = logs - F.avg_pool2d(logs, (1, logs.shape[3]))  # each band relative to its mean
        bands: Tensor = logs.transpose(1, 2)  # [batch, 1, bands, frames]
        return bands


def _waves(frame: int) -> Tensor:
    """[2 bins, frame]: cosines and sines of bins 1 to frame / 2 under a Hann window.

    White noise of unit power has a power of 1 in every bin.
    """
    hann = torch.hann_window(frame)
    turns = torch.arange(1, frame // 2 + 1)[:, None] * torch.arange(frame) / frame
    angle = 2 * math.pi * (turns % 1.0)
    return torch.cat([angle.cos(), angle.sin()]) * hann / hann.square().sum().sqrt()


def mel_bands(bands: int, frame: int, rate_hz: float) -> Tensor:
    """[bands, bins]: triangles equally wide in mel, each a mean of the bins' power (it sums to 1).

    A band narrower than the bins takes the nearest one.
    """
    ends = torch.linspace(_mel(LOWEST_HZ), _mel(rate_hz / 2), bands + 2)
    edges_hz = 700 * (10 ** (ends / 2595) - 1)
    hz = torch.arange(1, frame // 2 + 1) * rate_hz / frame
    low, centre, high = (edges_hz[i : bands + i, None] for i in range(3))
    rows = torch.minimum((hz - low) / (centre - low), (high - hz) / (high - centre)).clamp(min=0)
    nearest = F.one_hot((hz - centre).abs().argmin(1), len(hz)).float()
    rows = torch.where(rows.sum(1, keepdim=True) > 0, rows, nearest)
    return rows / rows.sum(1, keepdim=True)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


class MelResNet(nn.Module):
    """Spectrogram, stem, units along both axes, mean over time, classifier."""

    def __init__(self, form: MelShape, gate: Gate, rate_hz: float, classes: int) -> None:
        super().__init__()
        self.spectrogram = LogMel(form.bands, rate_hz)
        self.stem = conv(1, form.stem_width, form.kernel, 2, form.axes)
        self.norm = nn.BatchNorm2d(form.stem_width)
        widths = [form.stem_width, *(width for width, _ in form.units)]
        strides = [stride for _, stride in form.units]
        self.units = nn.ModuleList(
            Unit(width_in, width, stride, form, gate)
            for (width_in, width), stride in zip(itertools.pairwise(widths), strides, strict=True)
        )
        rows = form.bands // 2 // math.prod(strides)
        self.classifier = nn.Conv2d(widths[-1] * rows, classes, 1)

    def forward(self, x: Tensor, running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, 1, window] -> logits [batch, classes], alphas [batch, any]."""
        features, alphas = self.features(x, running)
        return self.classifier(features).flatten(1), alphas

    def features(self, x: Tensor, _running: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [batch, 1, window] -> [batch, width * rows, 1, 1], alphas [batch, any]."""
        h = torch.relu(self.norm(self.stem(self.spectrogram(x.unsqueeze(2)))))
        alphas = []
        for unit in self.units:
            h, alpha = unit(h)  # [batch, width, rows, frames]
            alphas.append(alpha)
        # The time of a word in the window means nothing, its frequencies much: average over time.
        mean = F.avg_pool2d(h, (1, h.shape[3]))
        return mean.flatten(1)[:, :, None, None], torch.cat(alphas, 1)


def mel_resnet(preset: str, gate: str, size: Dimensions) -> nn.Module:
    """[batch, 1, window] -> logits [batch, classes], alphas [batch, thresholds or 0].

    `preset` is 'small' or 'deploy'. Raises UserError for any other, for several channels and for
    a window that is shorter than a frame of the spectrogram.
    """
    if preset not in SHAPES:
        raise UserError(f"preset: found {preset!r}, expected one of {', '.join(SHAPES)}")
    if size.channels != 1:
        raise UserError(f"channels: found {size.channels}, expected one microphone")
    if size.window < round(FRAME_S * size.rate_hz):
        raise UserError(f"window: found {size.window} frames, expected at least {FRAME_S:g} s")
    form = SHAPES[preset]
    gates: dict[str, Gate] = {
        "threshold": lambda width: Shrinkage(width, False, form.alpha_start),
        "gain": lambda width: Excitation(width, 1),  # no bottleneck: as large as the thresholds
        "none": lambda width: IdentityGate(),
    }
    return MelResNet(form, gates[gate], size.rate_hz, size.classes)
