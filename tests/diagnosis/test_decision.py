"""Decisions are steady, honest about doubt, and never call a flagged window normal."""

from agent.core.model_contract import Decide
from agent.core.types import Decision, Mark, Prediction, Verdict
from agent.diagnosis.decision import Decider, Judge

JUDGE = Judge(("normal", "inner", "outer"), frozenset({"normal"}), 0.5, max_distance=3.0)
CALM = Decide(enter=0.8, exit=0.5, patience=3, confidence=0.5, smoothing=1.0)
NORMAL, INNER, OUTER = (0.98, 0.01, 0.01), (0.01, 0.98, 0.01), (0.01, 0.01, 0.98)
DOUBT = (0.4, 0.3, 0.3)


def told(
    *windows: tuple[float, ...] | Mark | Prediction, settings: Decide = CALM
) -> list[tuple[Decision, str | None]]:
    """The events of those windows, the first announcement left out."""
    decider = Decider(JUDGE, settings)
    events: list[Verdict] = []
    for window in windows:
        if isinstance(window, Mark):
            _, event = decider.update(window, None)
        else:
            guess = window if isinstance(window, Prediction) else Prediction(window)
            _, event = decider.update(Mark(0), guess)
        events += [event] if event is not None else []
    announced = events[0].decision == "abstain"
    return [(event.decision, event.label) for event in events[announced:]]


def test_a_state_is_entered_after_patience_windows_and_told_once() -> None:
    assert told(NORMAL, NORMAL) == []
    assert told(*[NORMAL] * 9) == [("normal", "normal")]
    assert told(*[NORMAL] * 3, *[INNER] * 9) == [("normal", "normal"), ("fault", "inner")]


def test_a_lone_window_changes_nothing() -> None:
    assert told(*[NORMAL] * 3, INNER, *[NORMAL] * 3, OUTER, OUTER, NORMAL) == [("normal", "normal")]


def test_two_faults_in_turn_are_two_events() -> None:
    events = told(*[INNER] * 3, *[OUTER] * 3)
    assert events == [("fault", "inner"), ("fault", "outer")]


def test_between_exit_and_enter_a_state_is_held_but_not_entered() -> None:
    unsure = (0.65, 0.3, 0.05)
    assert told(*[NORMAL] * 3, *[unsure] * 9) == [("normal", "normal")]
    assert told(*[INNER] * 3, *[unsure] * 9)[1:] == [("abstain", None)]


def test_doubt_ends_in_abstention() -> None:
    assert told(*[INNER] * 3, *[DOUBT] * 3) == [("fault", "inner"), ("abstain", None)]


def test_smoothing_lets_weak_evidence_add_up_and_flicker_cancel_out() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.2)
    flicker = [NORMAL, INNER] * 20
    assert told(*flicker, settings=slow) == [("normal", "normal"), ("abstain", None)]
    assert told(*[NORMAL] * 5, *[INNER] * 20, settings=slow)[-1] == ("fault", "inner")


def test_flagged_windows_become_a_sensor_fault_and_never_normal() -> None:
    for mark in Mark:
        decider = Decider(JUDGE, CALM)
        for _ in range(3):
            verdict, _ = decider.update(mark, Prediction(NORMAL))
            assert verdict.decision == "sensor_fault"
        assert decider.state.decision == "sensor_fault"


def test_after_a_sensor_fault_the_past_counts_no_more() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    events = told(*[INNER] * 9, Mark.GAP, NORMAL, settings=slow)
    assert events == [("fault", "inner"), ("sensor_fault", None), ("normal", "normal")]


def test_what_is_like_nothing_in_training_is_unknown() -> None:
    strange = Prediction(INNER, distance=3.5)
    near = Prediction(INNER, distance=2.5)
    assert told(*[strange] * 3, *[near] * 3) == [("unknown", None), ("fault", "inner")]


def test_one_window_below_the_confidence_abstains() -> None:
    assert JUDGE.of(Mark(0), Prediction(DOUBT)).decision == "abstain"
    assert JUDGE.of(Mark(0), Prediction(NORMAL)) == Verdict("normal", "normal", 0.98)


def test_the_first_window_announces_where_the_source_stands() -> None:
    decider = Decider(JUDGE, CALM)
    _, event = decider.update(Mark(0), Prediction(NORMAL))
    assert event == Verdict("abstain")
