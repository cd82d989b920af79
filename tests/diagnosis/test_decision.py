"""Decisions are steady, honest about doubt, and never call a flagged window normal."""

import msgspec

from agent.core.model_contract import Decide
from agent.core.types import Decision, Mark, Prediction, Verdict
from agent.diagnosis.baseline.monitor import Comparison
from agent.diagnosis.decision import Decider, Judge

JUDGE = Judge(("normal", "rough", "loud"), frozenset({"normal"}), 0.5, max_distance=3.0)
CALM = Decide(enter=0.8, exit=0.5, patience=3, confidence=0.5, smoothing=1.0)
NORMAL, ROUGH, LOUD = (0.98, 0.01, 0.01), (0.01, 0.98, 0.01), (0.01, 0.01, 0.98)
DOUBT = (0.4, 0.3, 0.3)


def events_of(
    *windows: tuple[float, ...] | Mark | Prediction, settings: Decide = CALM
) -> list[tuple[Decision, str | None]]:
    """The events of those windows, the first announcement left out."""
    decider = Decider(JUDGE, settings, 0.1)
    events: list[Verdict] = []
    for window in windows:
        if isinstance(window, Mark):
            event = decider.update(window, None).event
        else:
            guess = window if isinstance(window, Prediction) else Prediction(window)
            event = decider.update(Mark(0), guess).event
        events += [event] if event is not None else []
    announced = events[0].decision == "abstain"
    return [(event.decision, event.label) for event in events[announced:]]


def test_a_state_is_entered_after_patience_windows_and_told_once() -> None:
    assert events_of(NORMAL, NORMAL) == []
    assert events_of(*[NORMAL] * 9) == [("normal", "normal")]
    assert events_of(*[NORMAL] * 3, *[ROUGH] * 9) == [("normal", "normal"), ("fault", "rough")]


def test_a_lone_window_changes_nothing() -> None:
    assert events_of(*[NORMAL] * 3, ROUGH, *[NORMAL] * 3, LOUD, LOUD, NORMAL) == [
        ("normal", "normal")
    ]


def test_two_faults_in_turn_are_two_events() -> None:
    events = events_of(*[ROUGH] * 3, *[LOUD] * 3)
    assert events == [("fault", "rough"), ("fault", "loud")]


def test_between_exit_and_enter_a_state_is_held_but_not_entered() -> None:
    unsure = (0.65, 0.3, 0.05)
    assert events_of(*[NORMAL] * 3, *[unsure] * 9) == [("normal", "normal")]
    assert events_of(*[ROUGH] * 3, *[unsure] * 9)[1:] == [("abstain", None)]


def test_doubt_ends_in_abstention() -> None:
    assert events_of(*[ROUGH] * 3, *[DOUBT] * 3) == [("fault", "rough"), ("abstain", None)]


def test_what_a_model_looks_for_is_detected_and_no_fault_whatever_the_baseline_says() -> None:
    judge = msgspec.structs.replace(JUDGE, not_normal="detected")
    healthy = Comparison(commissioned=True, anomaly=0.2)
    changed = Comparison(commissioned=True, anomaly=4.0)
    for comparison in (None, healthy, changed):
        decider = Decider(judge, CALM, 0.1)
        updates = [decider.update(Mark(0), Prediction(ROUGH), comparison) for _ in range(3)]
        assert updates[-1].event == Verdict("detected", "rough", 0.98)
        assert updates[-1].basis is not None
        assert updates[-1].basis.sentence.startswith("Detected rough")


def test_smoothing_lets_weak_evidence_add_up_and_flicker_cancel_out() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.2)
    flicker = [NORMAL, ROUGH] * 20
    assert events_of(*flicker, settings=slow) == [("normal", "normal"), ("abstain", None)]
    assert events_of(*[NORMAL] * 5, *[ROUGH] * 20, settings=slow)[-1] == ("fault", "rough")


def test_flagged_windows_become_a_sensor_fault_and_never_normal() -> None:
    for mark in Mark:
        decider = Decider(JUDGE, CALM, 0.1)
        for _ in range(3):
            verdict = decider.update(mark, Prediction(NORMAL)).verdict
            assert verdict.decision == "sensor_fault"
        assert decider.state.decision == "sensor_fault"


def test_after_a_sensor_fault_the_past_counts_no_more() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    events = events_of(*[ROUGH] * 9, Mark.GAP, NORMAL, settings=slow)
    assert events == [("fault", "rough"), ("sensor_fault", None), ("normal", "normal")]


def test_what_is_like_nothing_in_training_is_unknown() -> None:
    strange = Prediction(ROUGH, distance=3.5)
    near = Prediction(ROUGH, distance=2.5)
    assert events_of(*[strange] * 3, *[near] * 3) == [("unknown", None), ("fault", "rough")]


def test_one_window_below_the_confidence_abstains() -> None:
    assert JUDGE.of(Mark(0), Prediction(DOUBT)).decision == "abstain"
    assert JUDGE.of(Mark(0), Prediction(NORMAL)) == Verdict("normal", "normal", 0.98)


def test_the_first_window_announces_where_the_source_stands() -> None:
    decider = Decider(JUDGE, CALM, 0.1)
    event = decider.update(Mark(0), Prediction(NORMAL)).event
    assert event == Verdict("abstain")


def compared(anomaly: float) -> Comparison:
    """A window beside a baseline."""
    return Comparison(commissioned=True, anomaly=anomaly)


def after_failure(decider: Decider, *windows: tuple[float, ...]) -> list[Verdict | None]:
    """The source fails in the state `fault`; the events of the windows that come then."""
    for _ in range(9):
        decider.update(Mark(0), Prediction(ROUGH))
    assert decider.state.decision == "fault"
    assert decider.fail() == Verdict("sensor_fault")
    return [decider.update(Mark(0), Prediction(window)).event for window in windows]


def test_a_source_that_fails_is_a_sensor_fault_at_once_and_announced_once() -> None:
    decider = Decider(JUDGE, CALM, 0.1)
    assert decider.fail() == Verdict("sensor_fault")
    assert decider.fail() is None
    assert decider.state == Verdict("sensor_fault")
    event = decider.update(Mark(0), Prediction(NORMAL)).event
    assert event is None  # where the source stands is known already


def test_after_a_failure_the_probabilities_of_before_count_no_more() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    (event,) = after_failure(Decider(JUDGE, slow, 0.1), NORMAL)
    assert event == Verdict("normal", "normal", 0.98)


def test_after_a_failure_every_state_needs_its_patience_again() -> None:
    events = after_failure(Decider(JUDGE, CALM, 0.1), ROUGH, ROUGH, ROUGH)
    assert events == [None, None, Verdict("fault", "rough", 0.98)]


def test_normal_that_is_unlike_the_commissioned_machine_is_unknown_and_a_fault_stays_one() -> None:
    decider = Decider(JUDGE, CALM, 0.1)
    at_threshold = decider.update(Mark(0), Prediction(NORMAL), compared(1.0))
    beyond = decider.update(Mark(0), Prediction(NORMAL), compared(1.01))
    fault = decider.update(Mark(0), Prediction(ROUGH), compared(5.0))
    decisions = [each.verdict.decision for each in (at_threshold, beyond, fault)]
    assert decisions == ["normal", "unknown", "fault"]
    decider = Decider(JUDGE, CALM, 0.1)
    for _ in range(3):
        decider.update(Mark(0), Prediction(NORMAL), compared(1.01))
    assert decider.state == Verdict("unknown", None, 0.98)


def test_another_network_goes_on_from_the_state_and_the_past_of_the_last_one() -> None:
    slow = Decide(enter=0.8, exit=0.5, patience=1, smoothing=0.1)
    decider = Decider(JUDGE, slow, 0.1)
    for _ in range(9):
        decider.update(Mark(0), Prediction(ROUGH))
    decider.succeeded(JUDGE, slow)
    event = decider.update(Mark(0), Prediction(NORMAL)).event
    assert event is None
    assert decider.state.label == "rough"


def test_each_threshold_belongs_to_the_side_that_its_description_names() -> None:
    """Entered while at least `enter`, held until below `exit`, unknown beyond `max_distance`."""
    exact = Decide(enter=0.75, exit=0.5, patience=1, smoothing=1.0)
    enters, holds, leaves = (0.25, 0.75, 0.0), (0.25, 0.5, 0.25), (0.26, 0.49, 0.25)
    expected = [("fault", "rough"), ("abstain", None)]
    assert events_of(enters, holds, settings=exact) == expected[:1]
    assert events_of(enters, holds, leaves, settings=exact) == expected
    assert JUDGE.of(Mark(0), Prediction(holds)).decision == "fault"  # 0.5, the confidence
    assert JUDGE.of(Mark(0), Prediction(ROUGH, distance=3.0)).decision == "fault"
