"""Reads a spectrum along orders of the shaft and of the bearing instead of along hertz.

The spectral lines of a fault stand at multiples of one order of the bearing times the shaft's
speed. A view reads the spectrum at multiples of BPFO, BPFI, twice BSF or the shaft's speed: in one
of the four views the lines stand at 1, 2, 3 ..., at any speed and geometry. What a network learns
on one machine then applies to another. Orders as in Randall, Antoni: "Rolling element bearing
diagnostics - a tutorial", Mechanical Systems and Signal Processing 25(2), 2011.
"""

import torch
from torch import Tensor, nn

# rpm, BPFO, BPFI, BSF, FTF where they are not given: those of a common bearing, the 6205.
NOMINAL = (1500.0, 3.585, 5.415, 2.357, 0.398)
VIEWS = 4
FIRST, LAST, POINTS = 0.1, 3.9, 128  # of each view, in multiples of its line
SHAFT_TURNS = 5.0  # orders that the shaft's view counts as one, so that it is as wide as the others


class Orders(nn.Module):
    """Reads spectra at multiples of four lines, with linear interpolation between bins.

    A spectrum has `bins` bins of `bin_hz`, the first at `bin_hz`. Beyond the last it reads 0.
    """

    nominal: Tensor
    multiples: Tensor

    def __init__(self, bins: int, bin_hz: float) -> None:
        super().__init__()
        self.bins, self.bin_hz = bins, bin_hz
        self.register_buffer("nominal", torch.tensor(NOMINAL), persistent=False)
        multiples = torch.linspace(FIRST, LAST, POINTS)
        self.register_buffer("multiples", multiples, persistent=False)

    def forward(self, spectrum: Tensor, running: Tensor) -> Tensor:
        """spectrum [batch, bands, 1, bins], running [batch, 5] -> [batch, 4 bands, 1, POINTS]."""
        batch, bands = spectrum.shape[:2]
        place = self._line_bins(running)  # [batch, 4 POINTS], in bins
        inside = (place <= self.bins - 1).to(spectrum.dtype)[:, None]
        place = place.clamp(0.0, self.bins - 1.001)  # the last interval's upper end is a bin too
        low = place.floor()
        index = low.long()[:, None].expand(batch, bands, VIEWS * POINTS)
        below, above = spectrum[:, :, 0].gather(2, index), spectrum[:, :, 0].gather(2, index + 1)
        read = (below + (place - low)[:, None] * (above - below)) * inside
        return read.reshape(batch, bands * VIEWS, 1, POINTS)

    def _line_bins(self, running: Tensor) -> Tensor:
        filled = torch.where(running > 0, running, self.nominal)
        turns_hz = filled[:, :1] / 60  # [batch, 1]
        bpfo, bpfi, bsf = filled[:, 1:2], filled[:, 2:3], filled[:, 3:4]
        units = torch.cat([bpfo, bpfi, 2 * bsf, torch.full_like(bsf, SHAFT_TURNS)], 1)
        lines_hz = turns_hz * units  # [batch, 4]
        places = lines_hz[:, :, None] * self.multiples / self.bin_hz - 1  # the first bin is 0
        return places.flatten(1)


def is_given(running: Tensor) -> Tensor:
    """running [batch, 5] -> [batch, 2]: 1 where the speed is given, and where the orders are."""
    return (running[:, :2] > 0).to(running.dtype)
