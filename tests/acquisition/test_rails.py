"""Both rails of a converter are found, also where its words are wider than it."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.acquisition.rails import Rails
from agent.core import pcm
from agent.core.types import Format

RNG = np.random.default_rng(5)
SIGNAL = 0.3 * np.sin(np.arange(4000) / 13) + 0.1 * RNG.standard_normal(4000)
QUIET = 0.01 * RNG.standard_normal(4000)
WIDTHS = [(24, 32), (12, 16), (10, 16), (16, 32), (20, 32), (16, 16)]  # of converter, of word


def counts(signal: np.ndarray, bits: int) -> np.ndarray:
    half = 2 ** (bits - 1)
    codes: np.ndarray = np.clip(np.round(signal * half), -half, half - 1).astype(np.int64)
    return codes


def flags(words: np.ndarray, dtype: str, bits: int | None = None) -> np.ndarray:
    format = Format(1000, 1, pcm.full_scale(dtype), step=pcm.step(dtype))
    return Rails(format, 1, bits).reached(pcm.to_float(words.astype(dtype)[:, None]))


@pytest.mark.parametrize(("bits", "word"), WIDTHS)
@pytest.mark.parametrize("rail", [0.75, -0.75])
@pytest.mark.parametrize("justified", ["left", "right"])
def test_both_rails_are_found_in_the_data(
    bits: int, word: int, rail: float, justified: str
) -> None:
    codes = counts(1.3 * SIGNAL + rail, bits)
    railed = codes == (codes.max() if rail > 0 else codes.min())
    near = codes <= codes.min() + 1 if rail < 0 else railed  # some converters are symmetric
    assert railed.mean() > 0.05
    shift = word - bits if justified == "left" else 0
    marked = flags(codes << shift, f"int{word}")
    assert marked[100:][railed[100:]].all()
    assert not marked[100:][~near[100:]].any()


@pytest.mark.parametrize(("bits", "word"), WIDTHS)
@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("justified", ["left", "right"])
@pytest.mark.parametrize("signal", ["quiet", "loud"])
def test_a_signal_inside_of_its_range_is_at_no_rail(
    bits: int, word: int, configured: bool, justified: str, signal: str
) -> None:
    codes = counts(QUIET if signal == "quiet" else SIGNAL, bits)
    codes = codes << (word - bits if justified == "left" else 0)
    assert not flags(codes, f"int{word}", bits if configured else None)[100:].any()


@pytest.mark.parametrize("rail", [0.75, -0.75])
@pytest.mark.parametrize("dtype", ["int16", "int64", "float32"])
def test_a_configured_width_holds_for_unsigned_counts_and_numbers_without_full_scale(
    rail: float, dtype: str
) -> None:
    codes = counts(1.3 * SIGNAL + rail, 12) + 2048
    railed = (codes == 0) | (codes == 4095)
    assert railed.mean() > 0.05
    assert np.array_equal(flags(codes, dtype, 12), railed)


@pytest.mark.parametrize("bits", [None, 12])
@pytest.mark.parametrize("rail", [0.75, -0.75])
def test_right_justified_counts_in_an_unsigned_container_have_both_rails(
    rail: float, bits: int | None
) -> None:
    codes = counts(1.3 * SIGNAL + rail, 12) + 2048
    railed = codes == (4095 if rail > 0 else 0)
    near = codes <= 1 if rail < 0 else railed  # some converters are symmetric
    assert railed.mean() > 0.05
    marked = flags(codes, "uint16", bits)
    assert marked[100:][railed[100:]].all()
    assert not marked[100:][~near[100:]].any()


@pytest.mark.parametrize("bits", [None, 12])
@pytest.mark.parametrize("signal", [QUIET, SIGNAL])
def test_right_justified_counts_in_an_unsigned_container_are_at_no_rail_inside(
    signal: np.ndarray, bits: int | None
) -> None:
    assert not flags(counts(signal, 12) + 2048, "uint16", bits)[100:].any()


def test_a_converter_that_rests_at_half_of_its_range_is_at_no_rail() -> None:
    codes = 2047 + RNG.integers(-3, 1, 4000)
    assert not flags(codes, "int16").any()


def test_floats_of_unknown_width_have_no_rail() -> None:
    assert not flags(np.clip(3 * SIGNAL, -1, 1), "float32").any()


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=20), bits=st.sampled_from([None, 12]))
def test_blocks_never_change_a_flag(cuts: list[int], bits: int | None) -> None:
    format = Format(1000, 2, pcm.full_scale("int16"), step=pcm.step("int16"))
    words = np.column_stack([counts(2 * SIGNAL, 12), counts(SIGNAL, 12)]).astype(np.int16)
    samples = pcm.to_float(words)
    whole, cut = Rails(format, 2, bits), Rails(format, 2, bits)
    parts = [cut.reached(samples[a:b]) for a, b in pairwise([0, *sorted(cuts), len(samples)])]
    assert np.array_equal(np.concatenate(parts), whole.reached(samples))


def test_a_full_scale_alone_is_a_limit_as_before() -> None:
    format = msgspec.structs.replace(Format(1000, 1), full_scale=2.0)
    samples = np.array([[1.9], [2.0], [-2.0], [np.nan]], np.float32)
    assert Rails(format, 1).reached(samples).tolist() == [False, True, True, False]
