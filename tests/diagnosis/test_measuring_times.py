"""A source is measured at fixed places of its sample count, whatever its windows look like."""

import numpy as np

from agent.core.types import Mark, Window
from agent.diagnosis.measuring_times import MeasuringTimes

RATE_HZ, FRAMES, HOP = 1000.0, 200, 100


def window(end: int, marks: Mark) -> Window:
    return Window(end - FRAMES, np.zeros((1, FRAMES), np.float32), 0, marks, 0.0)


def measured(
    times: MeasuringTimes, ends: range, flagged: range = range(0), hop: int = HOP
) -> list[int]:
    marks = {True: Mark.GAP, False: Mark(0)}
    return [end for end in ends[:: hop // HOP] if times.is_due(window(end, marks[end in flagged]))]


def test_places_are_an_interval_apart_and_begin_when_five_seconds_are_there() -> None:
    ends = measured(MeasuringTimes("fan", 10.0, RATE_HZ), range(200, 100_001, HOP))
    assert 5000 <= ends[0] <= 15_000
    assert set(np.diff(ends)) == {10_000}


def test_places_do_not_depend_on_the_hop_or_on_where_the_windows_begin() -> None:
    one = measured(MeasuringTimes("fan", 10.0, RATE_HZ), range(200, 100_001, HOP))
    for hop in (200, 500):
        other = measured(MeasuringTimes("fan", 10.0, RATE_HZ), range(250, 100_001, HOP), hop=hop)
        assert len(one) == len(other)
        assert all(0 <= late - place < 2 * hop for late, place in zip(other, one, strict=True))


def test_sources_are_not_all_measured_at_once() -> None:
    first = {
        measured(MeasuringTimes(f"fan-{i}", 10.0, RATE_HZ), range(200, 30_000, HOP))[0]
        for i in range(16)
    }
    assert len(first) > 10


def test_a_place_in_a_flagged_stretch_is_made_up_for_after_a_sound_second() -> None:
    place = measured(MeasuringTimes("fan", 10.0, RATE_HZ), range(200, 30_000, HOP))[1]
    flagged = range(place - 2000, place + 3000)
    ends = measured(MeasuringTimes("fan", 10.0, RATE_HZ), range(200, 60_001, HOP), flagged)
    last_flagged = max(end for end in range(200, 60_001, HOP) if end in flagged)
    assert ends[1] == last_flagged + 1000
    assert ends[2] == place + 10_000, "the places after it stay"


def test_a_source_that_is_always_flagged_is_never_measured() -> None:
    ends = range(200, 60_001, HOP)
    assert measured(MeasuringTimes("fan", 10.0, RATE_HZ), ends, flagged=ends) == []


def test_a_hop_longer_than_the_interval_measures_every_window() -> None:
    ends = measured(MeasuringTimes("fan", 1.0, RATE_HZ), range(5000, 60_001, HOP), hop=2000)
    assert ends == list(range(5000, 60_001, 2000))
