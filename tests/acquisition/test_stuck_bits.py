"""A bit that never changes between bits that do is told."""

import numpy as np
import pytest

from agent.acquisition.stuck_bits import ENOUGH, StuckBits
from agent.core import pcm
from agent.core.types import Format

RNG = np.random.default_rng(6)
NOISE = RNG.normal(0, 3000, (ENOUGH, 2))


def seen(words: np.ndarray, dtype: str, blocks: int = 40) -> str | None:
    bits = StuckBits(Format(1000, words.shape[1], pcm.full_scale(dtype), step=pcm.step(dtype)))
    for part in np.array_split(pcm.to_float(words.astype(dtype)), blocks):
        bits.see(part)
    return bits.text


@pytest.mark.parametrize("bit", [1, 5, 9])
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("dtype", ["int16", "int32", "int64"])
def test_a_stuck_bit_is_named_with_its_level(bit: int, level: int, dtype: str) -> None:
    words = NOISE.astype(np.int64)
    words = words | (1 << bit) if level else words & ~(1 << bit)
    text = seen(words, dtype)
    assert text is not None
    assert text.startswith(f"bit {bit} of the samples is always {level}, ")


@pytest.mark.parametrize(
    "words",
    [
        NOISE.astype(np.int64),
        (NOISE / 300).astype(np.int64),  # quiet
        (NOISE / 4).astype(np.int64) << 4,  # left-justified
        (NOISE / 4).astype(np.int64) + 20_000,  # with an offset
        np.where(NOISE > 0, 1000, 0),  # a square wave
        np.zeros((ENOUGH, 1), np.int64),
    ],
    ids=["loud", "quiet", "left-justified", "offset", "square", "still"],
)
def test_a_sound_signal_has_no_stuck_bit(words: np.ndarray) -> None:
    assert seen(words, "int16") is None


def test_floats_have_no_bits() -> None:
    assert seen(NOISE, "float32") is None
