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


def after_failure(decider: Decider, *windows: tuple[float, ...]) -> list[Verdict | None]:
    """The source fails in the state `fault`; the events of the windows that come then."""
    for _ in range(9):
        decider.update(Mark(0), Prediction(INNER))
    assert decider.state.decision == "fault"
    assert decider.fail() == Verdict("sensor_fault")
    return [decider.update(Mark(0), Prediction(window))[1] for window in windows]


def test_a_source_that_fails_is_a_sensor_fault_at_once_and_announced_once() -> None:
    decider = Decider(JUDGE, CALM)
    assert decider.fail() == Verdict("sensor_fault")
    assert decider.fail() is None
    assert decider.state == Verdict("sensor_fault")
    _, event = decider.update(Mark(0), Prediction(NORMAL))
    assert event is None  # where the source stands is known already


def test_after_a_failure_the_probabilities_of_before_count_no_more() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    (event,) = after_failure(Decider(JUDGE, slow), NORMAL)
    assert event == Verdict("normal", "normal", 0.98)


def test_after_a_failure_every_state_needs_its_patience_again() -> None:
    events = after_failure(Decider(JUDGE, CALM), INNER, INNER, INNER)
    assert events == [None, None, Verdict("fault", "inner", 0.98)]


def test_normal_that_is_unlike_the_commissioned_machine_is_unknown_and_a_fault_stays_one() -> None:
    decider = Decider(JUDGE, CALM)
    at_threshold, _ = decider.update(Mark(0), Prediction(NORMAL), anomaly=1.0)
    beyond, _ = decider.update(Mark(0), Prediction(NORMAL), anomaly=1.01)
    fault, _ = decider.update(Mark(0), Prediction(INNER), anomaly=5.0)
    assert [v.decision for v in (at_threshold, beyond, fault)] == ["normal", "unknown", "fault"]
    decider = Decider(JUDGE, CALM)
    for _ in range(3):
        decider.update(Mark(0), Prediction(NORMAL), anomaly=1.01)
    assert decider.state == Verdict("unknown", None, 0.98)


def test_another_network_goes_on_from_the_state_and_the_past_of_the_last_one() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    decider = Decider(JUDGE, slow)
    for _ in range(9):
        decider.update(Mark(0), Prediction(INNER))
    decider.succeeded(JUDGE, slow)
    _, event = decider.update(Mark(0), Prediction(NORMAL))
    assert event is None
    assert decider.state.label == "inner"
