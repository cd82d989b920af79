"""The states of a recording: where they begin and end, and what its windows showed meanwhile."""

import itertools

import numpy as np
import pytest

from agent.core.types import Mark, Prediction, Scored, Verdict, Window
from agent.jobs.replay import table
from agent.jobs.replay.spans import MOST_ROWS, StateLog, StateSpan, Tally, merged
from agent.jobs.replay.verdict import clock, verdict

RATE_HZ, WINDOW = 100.0, 50
SOUND = Mark(0)
LABELS = ("normal", "outer")
NORMAL, OUTER = Verdict("normal", "normal", 0.9), Verdict("fault", "outer", 0.9)


def scored(
    at: int, event: Verdict | None = None, *, marks: Mark = SOUND, outer: float = 0.0
) -> Scored:
    """The window that begins at frame `at`: a square wave of amplitude 2 about 10."""
    samples = np.tile(np.array([12, 8], np.float32), WINDOW // 2)[None]
    prediction = None if marks else Prediction((1 - outer, outer))
    window = Window(at, samples, 0, marks, 0.0)
    return Scored("s", window, prediction, NORMAL, event, NORMAL, anomaly=2 * outer)


def network(span: StateSpan) -> tuple[str, float] | None:
    found = span.tally.network(LABELS)
    return found and (found[0], round(found[1], 6))


def logged(*windows: Scored) -> list[StateSpan]:
    log = StateLog(RATE_HZ)
    for window in windows:
        log.take(window)
    return log.spans(5.0)


def test_a_state_begins_at_the_end_of_the_window_that_changed_it() -> None:
    first, second = logged(scored(0, NORMAL), scored(50), scored(100, OUTER), scored(150))
    assert (first.start_s, first.end_s, first.state) == (0.0, 1.5, NORMAL)
    assert (second.start_s, second.end_s, second.state) == (1.5, 5.0, OUTER)


def test_a_span_has_the_means_of_its_windows() -> None:
    first, second = logged(
        scored(0, NORMAL, outer=0.1), scored(50, outer=0.3), scored(100, OUTER, outer=0.9)
    )
    assert network(first) == ("normal", 0.8)
    assert first.tally.anomaly == pytest.approx(0.4)
    assert network(second) == ("outer", 0.9)
    assert second.tally.rms == pytest.approx(2.0)  # without the mean of 10


def test_flagged_windows_have_flags_and_no_probability() -> None:
    (span,) = logged(scored(0, Verdict("sensor_fault"), marks=Mark.CLIPPED | Mark.GAP))
    assert span.tally.network(LABELS) is None
    assert table.decision(span) == "sensor_fault [clipped gap]"


def test_many_windows_count_as_they_would_one_by_one() -> None:
    (span,) = logged(scored(0, NORMAL), *(scored(at, outer=0.25) for at in range(2500)))
    assert span.tally.windows == 2501
    assert network(span) == ("normal", round(1 - 0.25 * 2500 / 2501, 6))


def spans(count: int, *, faults_s: float = 1.0) -> list[StateSpan]:
    """Normal for two seconds and a fault, in turn."""
    made: list[StateSpan] = []
    for number in range(count):
        start_s = made[-1].end_s if made else 0.0
        state, lasts_s = (OUTER, faults_s) if number % 2 else (NORMAL, 2.0)
        tally = Tally(windows=1, power=4.0, judged=1, probabilities=(0.5, 0.5))
        made.append(StateSpan(start_s=start_s, end_s=start_s + lasts_s, state=state, tally=tally))
    return made


def test_a_table_fits_a_screen_and_loses_no_window_and_no_change() -> None:
    every = spans(1000)
    rows = merged(every)
    assert len(rows) <= MOST_ROWS
    assert sum(row.tally.windows for row in rows) == 1000
    assert sum(row.changes + 1 for row in rows) == 1000
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(rows))
    assert {row.state for row in rows} == {NORMAL}  # it holds for longer in each part
    assert len(list(table.lines(every, LABELS, "g"))) == len(rows) + 1


def test_few_states_stay_as_they_are() -> None:
    assert merged(spans(MOST_ROWS)) == spans(MOST_ROWS)


def test_a_column_of_anomalies_is_there_with_a_baseline_alone() -> None:
    head, *_ = table.lines(spans(2), LABELS, "g")
    assert head.split() == ["from", "to", "decision", "network", "RMS", "g"]
    head, row = table.lines(logged(scored(0, NORMAL, outer=0.25)), LABELS, "any")
    assert head.split() == ["from", "to", "decision", "network", "RMS", "anomaly"]
    assert row.split() == ["0:00.0", "0:05.0", "normal", "normal", "0.75", "2.00", "0.500"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.0"),
        (9.96, "0:10.0"),
        (59.99, "1:00.0"),
        (3599.96, "1:00:00.0"),
        (7325, "2:02:05.0"),
    ],
)
def test_an_offset_is_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_verdict_names_the_worst_state_and_when_it_held() -> None:
    assert verdict(spans(1)) == "normal throughout"
    assert verdict(spans(2)) == "fault outer from 0:02.0 to the end"
    assert verdict(spans(3)) == "fault outer from 0:02.0 to 0:03.0"
    assert verdict(spans(10)) == "fault outer 5 times, first at 0:02.0, 33% of 0:15.0"


def test_the_first_second_is_undecided_and_does_not_count() -> None:
    first, second = spans(2)
    undecided = StateSpan(start_s=0, end_s=2, state=Verdict("abstain"), tally=first.tally)
    assert verdict([undecided, second]) == "fault outer throughout"
    assert verdict([undecided]) == "nothing could be decided throughout"


def test_a_signal_that_cannot_be_used_says_what_is_wrong_with_it() -> None:
    flagged = logged(scored(0, Verdict("sensor_fault"), marks=Mark.CLIPPED))
    assert verdict(flagged) == "the signal cannot be used throughout (clipped)"
