"""Each window once, on the grid, and honest about what is wrong with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.acquisition.resampling import Resampler
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.windows import Windower, is_flat, speed
from agent.core.types import Mark, Window

WINDOW = 20


def windower(hop: int, size: int = 100) -> tuple[Ring, Windower]:
    ring = Ring(size, 1, lambda: None)
    return ring, Windower(ring, WINDOW, hop)


def write(ring: Ring, frames: int, mark: int = 0) -> None:
    samples = np.arange(ring.end, ring.end + frames, dtype=np.float32)[:, None] + 1
    ring.write(samples, np.full(frames, mark, np.uint8))


def drain(ring: Ring, windows: Windower, frames: int, block: int) -> list[Window]:
    seen: list[Window] = []
    while ring.end < frames:
        write(ring, min(block, frames - ring.end))
        seen += windows.due(1000)
    return seen


@given(frames=st.integers(0, 500), hop=st.integers(1, 60), block=st.integers(1, 25))
def test_floor_of_frames_minus_window_over_hop_plus_one_windows(
    frames: int, hop: int, block: int
) -> None:
    ring, windows = windower(hop)
    seen = drain(ring, windows, frames, block)
    expected = (frames - WINDOW) // hop + 1 if frames >= WINDOW else 0
    assert [w.first for w in seen] == [k * hop for k in range(expected)]
    for window in seen:
        assert list(window.samples[0]) == list(range(window.first + 1, window.first + WINDOW + 1))
        assert not window.marks


def test_a_window_across_a_gap_is_flagged_with_the_frames_it_lacks() -> None:
    ring, windows = windower(hop=10)
    write(ring, 25)
    ring.skip(5)
    write(ring, 30)
    seen = {w.first: (w.dropped, w.flags) for w in windows.due(100)}
    assert seen == {
        0: (0, []),
        10: (5, ["gap"]),
        20: (5, ["gap"]),
        30: (0, []),
        40: (0, []),
    }


def test_a_window_with_nothing_left_is_counted_and_not_returned() -> None:
    ring, windows = windower(hop=10)
    write(ring, 20)
    ring.skip(60)
    write(ring, 20)
    firsts = [w.first for w in windows.due(100)]
    assert firsts == [0, 10, 70, 80]
    assert windows.missed == 5
    assert ring.missing == 60


def test_after_an_overrun_it_goes_on_at_the_grid_and_says_what_was_lost() -> None:
    ring, windows = windower(hop=10)
    write(ring, 1005)
    seen = list(windows.due(100))
    assert seen[0].first == 890
    assert (seen[0].dropped, seen[0].flags) == (15, ["overrun"])
    assert [w.first for w in seen if not w.marks] == list(range(910, 990, 10))
    assert windows.missed == 89


def test_a_leap_over_years_of_missing_signal_takes_no_time() -> None:
    ring, windows = windower(hop=10)
    write(ring, 20)
    assert len(list(windows.due(100))) == 1
    ring.skip(10**12)
    write(ring, 40)
    assert [w.dropped for w in windows.due(100)][-1] == 0
    assert windows.missed == pytest.approx(10**11, abs=20)


@pytest.mark.parametrize("mark", [Mark.CLIPPED, Mark.INVALID])
def test_one_bad_frame_flags_every_window_that_holds_it(mark: Mark) -> None:
    ring, windows = windower(hop=10)
    write(ring, 25)
    write(ring, 1, mark)
    write(ring, 34)
    flagged = [w.first for w in windows.due(100) if w.flags == [str(mark.name).lower()]]
    assert flagged == [10, 20]


@pytest.mark.parametrize(
    ("still", "flat"), [(0, False), (90, False), (100, True), (150, True), (200, True)]
)
@pytest.mark.parametrize("level", [0.0, 9.81])
def test_flat_is_standing_still_for_half_the_window(still: int, flat: bool, level: float) -> None:
    samples = level + np.random.default_rng(0).standard_normal((1, 200)).astype(np.float32)
    samples[:, 20 : 20 + still] = samples[0, 20] if still < 180 else 0.0
    if still == 200:
        samples[:] = level
    assert is_flat(samples) is flat


def test_one_dead_channel_makes_the_window_flat() -> None:
    samples = np.random.default_rng(0).standard_normal((3, 200)).astype(np.float32)
    assert not is_flat(samples)
    samples[1] = 0.0
    assert is_flat(samples)


@pytest.mark.parametrize(("resampled", "anew"), [(False, 700), (True, 10_000)])
def test_a_channel_that_counts_makes_the_window_flat(resampled: bool, anew: int) -> None:
    """As a node sends it that prints a frame number beside its samples."""
    ring = Ring(4000, 2, lambda: None)
    noise = np.random.default_rng(0).standard_normal(1000)
    frames = np.column_stack([np.arange(1000) % anew, noise]).astype(np.float32)
    marks = np.zeros(len(frames), np.uint8)
    block = Resampler(800.0, 1000.0, 2).push(frames, marks) if resampled else (frames, marks)
    ring.write(*block)
    windows = list(Windower(ring, 200, 100).due(100))
    assert len(windows) > 7
    assert {tuple(window.flags) for window in windows} == {("flat",)}


def test_a_constant_that_a_resampler_has_rounded_is_flat_still() -> None:
    rounding = 1e-7 * np.random.default_rng(0).standard_normal((1, 200))
    assert is_flat((9.81 * (1 + rounding)).astype(np.float32))
    assert not is_flat((9.81 * (1 + 100 * rounding)).astype(np.float32))


def test_a_window_in_which_the_shaft_stood_still_for_a_while_has_no_speed() -> None:
    turning = np.full(100, 600.0, np.float32)
    assert speed(turning) == 600.0
    turning[:10] = 0.0
    assert speed(turning) is None


@given(
    frames=st.integers(64, 300),
    first=st.integers(0, 300),
    still=st.integers(0, 300),
    channels=st.integers(1, 2),
)
def test_flat_is_the_same_by_the_shortest_look_and_by_looking_at_every_frame(
    frames: int, first: int, still: int, channels: int
) -> None:
    samples = np.random.default_rng(0).standard_normal((channels, frames)).astype(np.float32)
    samples[-1, first : first + still] = samples[-1, min(first, frames - 1)]
    runs = [0]
    for step in np.diff(samples[-1]):
        runs.append(0 if step else runs[-1] + 1)
    assert is_flat(samples) is (max(runs) + 1 >= 0.5 * frames)
