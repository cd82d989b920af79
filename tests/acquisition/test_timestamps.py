"""Time comes from the sample counter; the wall clock may step as it likes."""

import ctypes
import time
from itertools import pairwise
from pathlib import Path

import pytest

from agent.acquisition import timestamps
from agent.acquisition.arrivals import Arrivals
from agent.acquisition.timestamps import Timeline, WallClock
from agent.core.types import Format


class Clocks:
    """A wall clock and a monotonic clock that run together until one is stepped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.wall_s = 1_800_000_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(time, "time", lambda: self.wall_s + self.now_s)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def attached(clock: WallClock, source: Format, began_s: float) -> Timeline:
    arrivals = Arrivals(source)
    arrivals.began_s, arrivals.opened_s = began_s, 999.0
    line = Timeline(clock, 1000.0)
    line.attach(arrivals)
    return line


def test_windows_are_one_hop_apart_to_the_millisecond(clocks: Clocks) -> None:
    line = attached(WallClock(), Format(1000.0, 1), began_s=999.87654321)
    stamps = []
    for index in range(0, 100_000, 100):
        clocks.now_s += 0.1
        clocks.wall_s += 1e-6  # the wall clock is being slewed
        stamps.append(round(line.unix_s(index) * 1000))
    steps = {after - before for before, after in pairwise(stamps)}
    assert steps == {100}


def test_no_time_lies_before_the_source_was_opened(clocks: Clocks) -> None:
    """Three times too many frames look as if the first had been taken long ago."""
    line = attached(WallClock(), Format(1000.0, 1, live=True), began_s=980.0)
    stamps = [line.unix_s(index) for index in (0, 18_000, 19_500)]
    assert stamps == [1_800_000_999.0, 1_800_000_999.0, 1_800_000_999.5]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 86400.0 * 365])
def test_a_step_of_the_wall_clock_is_followed_and_counted(clocks: Clocks, step_s: float) -> None:
    clock = WallClock()
    line = attached(clock, Format(1000.0, 1, live=True), began_s=1000.0)
    before_s = line.unix_s(0)
    clocks.wall_s += step_s
    assert line.unix_s(0) - before_s == pytest.approx(step_s, abs=0.002)
    assert clock.steps == 1


def test_a_recordings_time_is_its_own(clocks: Clocks) -> None:
    line = attached(WallClock(), Format(1000.0, 1, started_s=5.0), began_s=1000.0)
    clocks.wall_s += 3600
    assert line.unix_s(2500) == 7.5


def test_times_are_whole_milliseconds_and_do_not_fall_between_them(clocks: Clocks) -> None:
    live = attached(WallClock(), Format(1000.0, 1, live=True), began_s=999.98765)
    recording = attached(WallClock(), Format(1000.0, 1, started_s=5.00049), began_s=1000.0)
    assert live.unix_s(0) == 1_800_000_999.988
    assert recording.unix_s(0) == 5.0


def test_a_recording_read_at_full_speed_keeps_the_time_it_was_opened_at(clocks: Clocks) -> None:
    line = attached(WallClock(), Format(1000.0, 1, patient=True), began_s=1000.0)
    opened_s = line.unix_s(0)
    clocks.wall_s += 3600
    assert line.unix_s(1000) == pytest.approx(opened_s + 1.0)


@pytest.mark.parametrize("moved_s", [0.019, -0.019])
def test_the_offset_between_the_clocks_is_held_while_it_moves_by_less_than_20_ms(
    clocks: Clocks, moved_s: float
) -> None:
    clock = WallClock()
    before_s = clock.offset_s()
    clocks.wall_s += moved_s
    assert clock.offset_s() == before_s
    clocks.wall_s += moved_s / 10  # in all, by more
    assert clock.offset_s() - before_s == pytest.approx(1.1 * moved_s)
    assert clock.steps == 0


@pytest.mark.parametrize(("moved_s", "steps"), [(0.9, 0), (-0.9, 0), (1.1, 1), (-1.1, 1)])
def test_only_a_second_or_more_is_counted_as_a_step(
    clocks: Clocks, moved_s: float, steps: int
) -> None:
    clock = WallClock()
    clocks.wall_s += moved_s
    clock.offset_s()
    assert clock.steps == steps


class Kernel:
    """Answers ntp_gettime(3) with a state; -1: it may not be asked."""

    def __init__(self, state: int) -> None:
        self._state = state

    def ntp_gettime(self, _answer: object) -> int:
        return self._state


@pytest.mark.parametrize(
    ("state", "timesyncd", "expected"),
    [
        (0, False, True),  # TIME_OK
        (4, False, True),  # TIME_WAIT, after a leap second
        (5, True, False),  # TIME_ERROR: not synchronised, whatever systemd-timesyncd says
        (-1, True, True),
        (-1, False, None),
    ],
)
def test_the_clock_is_synchronised_where_the_kernel_or_else_timesyncd_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    state: int,
    timesyncd: bool,
    expected: bool | None,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Kernel(state))
    monkeypatch.setattr(timestamps, "SYNCHRONISED", tmp_path / "synchronized")
    if timesyncd:
        timestamps.SYNCHRONISED.touch()
    assert timestamps.synchronised() is expected


def test_this_machines_kernel_answers_as_adjtimex_does() -> None:
    """Both ask the kernel: glibc's ntp_gettime(3) in the agent, adjtimex(2) here."""
    libc, answer = ctypes.CDLL(None), (ctypes.c_char * 512)()  # struct timex, modes 0: only read
    state = int(libc.adjtimex(ctypes.byref(answer)))
    if state < 0:
        pytest.skip("the kernel may not be asked here")
    assert timestamps.synchronised() is (state != timestamps.TIME_ERROR)
