"""A jump of the clock is not a thread that hangs; a thread that hangs beside one that turns is."""

import time

import pytest

from agent.service import watchdog
from agent.service.watchdog import HANG_S, Watchdog


class Ended(Exception):  # noqa: N818 - stands for the end of the process
    """The process would have ended."""


class Clock:
    """The monotonic clock, set by the test."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def end(why: str) -> None:
        raise Ended(why)

    clock = Clock()
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(watchdog, "_end", end)
    return clock


@pytest.mark.parametrize("jump_s", [15.0, 25.0, 3600.0])
@pytest.mark.parametrize("first", ["main", "sender"])
def test_a_jump_of_the_clock_ends_nothing_whichever_thread_turns_first(
    clock: Clock, jump_s: float, first: str
) -> None:
    dog = Watchdog()
    read_s = clock.now_s
    dog.source_reads("s", read_s)
    with dog.scoring():
        clock.now_s += jump_s
        if first == "sender":
            dog.sender_turns()
        dog.main_turns(alive=True)
        dog.source_reads("s", read_s)
        clock.now_s += 1.0
        dog.sender_turns()
        dog.main_turns(alive=True)


def test_a_sender_that_hangs_is_found_though_the_clock_jumped_meanwhile(clock: Clock) -> None:
    dog = Watchdog()
    clock.now_s += 3600.0

    def until_found() -> None:
        for _ in range(round(2 * HANG_S / 0.25) + 8):
            clock.now_s += 0.25
            dog.main_turns(alive=True)

    with pytest.raises(Ended, match="the sender has not turned for 20 s"):
        until_found()


def test_scoring_that_hangs_is_found_by_the_senders_turns(clock: Clock) -> None:
    dog = Watchdog()

    def until_found() -> None:
        with dog.scoring():
            for _ in range(round(HANG_S) + 2):
                clock.now_s += 1.0
                dog.sender_turns()

    with pytest.raises(Ended, match="scoring has not come back for 10 s"):
        until_found()


def test_a_driver_that_hangs_is_found_and_one_that_reads_again_and_again_is_not(
    clock: Clock,
) -> None:
    dog = Watchdog()
    stuck_s = clock.now_s
    for _ in range(round(HANG_S)):
        clock.now_s += 1.0
        dog.source_reads("well", clock.now_s)
        dog.source_reads("none", None)
        dog.source_reads("stuck", stuck_s)
    clock.now_s += 2.0
    with pytest.raises(Ended, match="source stuck: a read has not come back for 10 s"):
        dog.source_reads("stuck", stuck_s)


def test_turns_that_are_rare_still_show_that_the_sender_hangs(clock: Clock) -> None:
    """Slow scoring turns the main thread seldom: its clock still goes on."""
    dog = Watchdog()

    def until_found() -> None:
        for _ in range(10):
            clock.now_s += 4.0
            dog.main_turns(alive=True)

    with pytest.raises(Ended, match="the sender has not turned for 24 s"):
        until_found()
