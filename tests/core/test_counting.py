"""Columns of frame numbers or times are told from signals."""

import numpy as np
import pytest

from agent.core.counting import counting_channels

FRAMES = np.arange(400.0)
NOISE = np.random.default_rng(5).standard_normal(400)
COUNTING = {
    "frame numbers": FRAMES,
    "frame numbers from 1": FRAMES + 1,
    "backwards": -FRAMES,
    "seconds": FRAMES / 10_000,
    "milliseconds that repeat": np.floor(FRAMES / 5),
    "steps that differ": np.cumsum(1 + 0.2 * np.abs(NOISE)),
    "begins anew": (FRAMES + 100) % 256,
}
SIGNALS = {
    "noise": NOISE,
    "noise on a slope": NOISE + FRAMES / 100,
    "few counts": np.rint(0.4 * NOISE),
    "one step": (FRAMES > 200) * 1.0,
    "a square wave": np.sign(np.sin(FRAMES / 20)),
    "two turns of a sine": np.sin(2 * np.pi * FRAMES / 200),
    "nothing": np.zeros(400),
    "no numbers": np.full(400, np.nan),
}


@pytest.mark.parametrize("name", COUNTING)
def test_a_column_that_goes_one_way_counts(name: str) -> None:
    samples = np.stack([NOISE, COUNTING[name]]).astype(np.float32)
    assert counting_channels(samples) == (1,)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_does_not_count(name: str) -> None:
    assert counting_channels(np.stack([NOISE, SIGNALS[name]]).astype(np.float32)) == ()


def test_what_holds_no_frames_does_not_count() -> None:
    assert counting_channels(np.zeros((2, 0), np.float32)) == ()
