"""Waits before another try: spread out, longer and longer, bounded."""

import statistics

from agent.core.backoff import Backoff


def waits(number: int) -> list[float]:
    """The wait before the `number`-th try, of a fleet of 400."""
    fleet = [Backoff(0.5, 60.0) for _ in range(400)]
    return [[backoff.next_s() for _ in range(number)][-1] for backoff in fleet]


def test_a_fleet_that_lost_its_broker_comes_back_evenly_from_zero_to_the_bound() -> None:
    for number, bound_s in ((1, 0.5), (2, 1.0), (4, 4.0), (8, 60.0), (2000, 60.0)):
        waits_s = sorted(waits(number))
        assert 0 <= waits_s[0] < 0.05 * bound_s
        assert 0.95 * bound_s < waits_s[-1] <= bound_s
        assert 0.4 * bound_s < statistics.mean(waits_s) < 0.6 * bound_s


def test_after_a_success_the_next_wait_is_short_again() -> None:
    backoff = Backoff(0.5, 60.0)
    for _ in range(20):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5
