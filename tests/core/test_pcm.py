"""Numbers mean what they say, whatever type, byte order or memory layout holds them."""

import numpy as np
import pytest

from agent.core import pcm

COUNTS = np.array([[-2048, 7], [-1, 0], [2047, 1000]])


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<f4", ">f8", "<f8"])
def test_numbers_without_a_full_scale_are_counts(dtype: str) -> None:
    assert np.array_equal(pcm.to_float(COUNTS.astype(dtype)), COUNTS)
    assert pcm.full_scale(dtype) is None


def test_unsigned_64_bits_are_counts_too() -> None:
    assert pcm.to_float(np.array([0, 4095], np.uint64)).tolist() == [0.0, 4095.0]
    assert pcm.full_scale(np.uint64) is None


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("order", ["<", ">"])
def test_up_to_32_bits_have_a_full_scale_of_one(bits: int, order: str) -> None:
    half = 2 ** (bits - 1)
    signed = np.array([-half, 0, half // 2]).astype(f"{order}i{bits // 8}")
    unsigned = np.array([0, half, half + half // 2]).astype(f"{order}u{bits // 8}")
    assert pcm.to_float(signed).tolist() == [-1.0, 0.0, 0.5]
    assert pcm.to_float(unsigned).tolist() == [-1.0, 0.0, 0.5]
    assert pcm.full_scale(signed.dtype) == pcm.full_scale(unsigned.dtype) == 1 - 2.0 ** (1 - bits)


def test_the_order_in_memory_does_not_change_a_number() -> None:
    values = COUNTS.astype(np.int16)
    assert np.array_equal(pcm.to_float(np.asfortranarray(values)), pcm.to_float(values))
