"""Along orders a fault's lines stay where they are, whatever the speed and the bearing."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

from models.networks.order_tracking import NOMINAL, POINTS, VIEWS, Orders, is_given

BINS, BIN_HZ = 255, 2.45


def comb(line_hz: float) -> torch.Tensor:
    """A spectrum [1, 1, 1, bins] with lines at the multiples of that frequency."""
    hz = BIN_HZ * torch.arange(1, BINS + 1)
    nearest = (hz / line_hz).round().clamp(min=1) * line_hz
    return torch.exp(-(((hz - nearest) / (3 * BIN_HZ)) ** 2))[None, None, None]


def running(rpm: float, bpfo: float = 3.6, bpfi: float = 5.4) -> torch.Tensor:
    return torch.tensor([[rpm, bpfo, bpfi, 2.4, 0.4]])


@pytest.mark.parametrize(("rpm", "bpfi"), [(600, 5.4), (900, 5.4), (1800, 5.4), (1200, 4.95)])
def test_a_faults_lines_stand_at_the_same_place_at_every_speed_and_bearing(
    rpm: float, bpfi: float
) -> None:
    seen = Orders(BINS, BIN_HZ)(comb(rpm / 60 * bpfi), running(rpm, bpfi=bpfi))
    inner = seen.reshape(VIEWS, POINTS)[1]
    multiples = torch.linspace(0.1, 3.9, POINTS)
    on_lines = (multiples - multiples.round()).abs() < 0.02
    between = (multiples % 1 - 0.5).abs() < 0.1
    inside = rpm / 60 * bpfi * multiples < BIN_HZ * BINS
    assert inner[on_lines & inside & (multiples > 0.5)].mean() > 0.8
    assert inner[between & inside].mean() < 0.1


def test_the_ball_is_looked_for_at_twice_its_spin() -> None:
    seen = Orders(BINS, BIN_HZ)(comb(1500 / 60 * 4.8), running(1500))
    ball = seen.reshape(VIEWS, POINTS)[2]
    assert ball[torch.linspace(0.1, 3.9, POINTS).sub(1).abs() < 0.02].mean() > 0.8


def test_what_is_not_known_is_taken_for_a_common_machine() -> None:
    spectrum = torch.rand(1, 3, 1, BINS)
    view = Orders(BINS, BIN_HZ)
    assert torch.equal(view(spectrum, torch.zeros(1, 5)), view(spectrum, torch.tensor([NOMINAL])))
    told = torch.tensor([[0.0, 0, 0, 0, 0], [900, 0, 0, 0, 0], [900, 3, 5, 2, 0.4]])
    assert is_given(told).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_beyond_the_spectrum_there_is_nothing() -> None:
    seen = Orders(BINS, BIN_HZ)(torch.ones(1, 1, 1, BINS), running(6000))
    hz = 100 * torch.tensor([3.6, 5.4, 4.8, 5.0])[:, None] * torch.linspace(0.1, 3.9, POINTS)
    beyond = hz.flatten() > BIN_HZ * BINS + 1e-3
    assert beyond.any()
    assert seen.flatten()[beyond].abs().max() == 0
    assert seen.flatten()[~beyond & (hz.flatten() > BIN_HZ)].min() == 1


def test_between_bins_a_spectrum_is_read_along_straight_lines() -> None:
    slope = torch.arange(1, BINS + 1, dtype=torch.float32)[None, None, None]  # bin k holds k
    seen = Orders(BINS, BIN_HZ)(slope, running(1000)).reshape(VIEWS, POINTS)[0]
    expected = 1000 / 60 * 3.6 * np.linspace(0.1, 3.9, POINTS) / BIN_HZ
    inside = (expected >= 1) & (expected <= BINS)
    assert np.allclose(seen.numpy()[inside], expected[inside], atol=1e-2)
