"""A bearing fault has a name where baseline, network and the bearing's line agree, else none."""

import functools

import pytest

from agent.core.model_contract import Decide
from agent.core.types import FaultLine, Mark, Physics, Prediction, Verdict
from agent.diagnosis.baseline.monitor import Comparison
from agent.diagnosis.decision import Decider, Judge

LABELS = ("normal", "inner", "outer", "ball")
HEALTHY = Comparison(commissioned=True, anomaly=0.4, anomaly_slow=0.6)
CHANGED = Comparison(commissioned=True, anomaly=2.5, anomaly_slow=1.8)
ELSEWHERE = Comparison(commissioned=False)
SURE_OUTER, LIKELY_OUTER = (0.02, 0.02, 0.94, 0.02), (0.15, 0.15, 0.65, 0.05)
NORMAL = (0.97, 0.01, 0.01, 0.01)
SECONDS = 40  # windows: more than the 3 s of a verdict


def lines(
    healthy: FaultLine | None = None, periodicity_db: float = 20.0, **evidence_db: float
) -> tuple[Physics, ...]:
    """Physics of one channel with these lines in dB."""
    evidence = FaultLine(**({"bpfo": 0.0, "bpfi": 0.0, "bsf": 0.0, "ftf": 0.0} | evidence_db))
    return (
        Physics(
            **dict.fromkeys(("crest", "kurtosis", "velocity_mm_s", "velocity_band_hz", "zone")),
            seconds=5.0,
            rms=1.0,
            peak=3.0,
            envelope_band_hz=(1e3, 2e3),
            evidence_db=evidence,
            shows=None,
            healthy_db=healthy,
            periodicity_hz=30.0,
            periodicity_db=periodicity_db,
        ),
    )


def state_after(
    probabilities: tuple[float, ...],
    comparison: Comparison | None,
    physics: tuple[Physics, ...] | None = None,
    windows: int = SECONDS,
) -> tuple[str, str | None]:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
    for _ in range(windows):
        decider.update(Mark(0), Prediction(probabilities), comparison, lambda: physics)
    return decider.state.decision, decider.state.label


@pytest.mark.parametrize("probabilities", [NORMAL, SURE_OUTER, LIKELY_OUTER])
def test_what_the_baseline_calls_healthy_is_normal_whatever_the_network_says(
    probabilities: tuple[float, ...],
) -> None:
    assert state_after(probabilities, HEALTHY, lines(bpfo=20.0)) == ("normal", "normal")


def test_the_networks_opinion_stays_beside_the_baselines_word() -> None:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(patience=1), 0.1)
    update = decider.update(Mark(0), Prediction(SURE_OUTER), HEALTHY)
    assert update.event == Verdict("normal", "normal", None)
    assert update.basis is not None
    assert (update.basis.network, update.basis.baseline) == ("outer", "whole")
    assert update.basis.sentence == (
        "Normal: within the baseline (anomaly 0.40, slow 0.60); the network says outer (0.94)."
    )


def test_a_changed_machine_has_a_faults_name_where_network_and_line_agree() -> None:
    assert state_after(LIKELY_OUTER, CHANGED, lines(bpfo=12.0)) == ("fault", "outer")


@pytest.mark.parametrize(
    "physics", [lines(), lines(bpfo=9.9), lines(bpfo=12.0, bpfi=12.5), lines(bpfi=20.0)]
)
def test_a_changed_machine_without_the_networks_line_is_unknown(
    physics: tuple[Physics, ...],
) -> None:
    assert state_after(SURE_OUTER, CHANGED, physics) == ("unknown", None)


def test_a_line_that_the_healthy_machine_has_names_nothing() -> None:
    own = FaultLine(bpfo=18.0, bpfi=0.0, bsf=0.0, ftf=0.0)
    assert state_after(SURE_OUTER, CHANGED, lines(own, bpfo=20.0)) == ("unknown", None)
    assert state_after(SURE_OUTER, CHANGED, lines(own, bpfo=24.0)) == ("fault", "outer")


def test_a_changed_machine_whose_lines_cannot_be_told_is_named_by_a_sure_network_alone() -> None:
    assert state_after(SURE_OUTER, CHANGED, None) == ("fault", "outer")
    assert state_after(LIKELY_OUTER, CHANGED, None) == ("unknown", None)


def test_a_machine_that_the_network_calls_normal_and_the_baseline_changed_is_unknown() -> None:
    assert state_after(NORMAL, CHANGED, lines()) == ("unknown", None)


def test_a_speed_that_was_not_commissioned_is_never_named_faulty() -> None:
    assert state_after(SURE_OUTER, ELSEWHERE, lines(bpfo=30.0)) == ("unknown", None)


def test_without_a_baseline_a_fault_needs_a_sure_network_its_line_and_three_seconds() -> None:
    assert state_after(SURE_OUTER, None, lines(bpfo=12.0)) == ("fault", "outer")
    assert state_after(LIKELY_OUTER, None, lines(bpfo=12.0)) != ("fault", "outer")
    assert state_after(SURE_OUTER, None, lines(bpfi=12.0)) == ("unknown", None)
    assert state_after(SURE_OUTER, None, lines(bpfo=12.0), windows=29) == ("abstain", None)


def test_without_baseline_and_lines_a_bearing_network_names_nothing() -> None:
    assert state_after(SURE_OUTER, None, None) == ("unknown", None)
    assert state_after(NORMAL, None, None) == ("normal", "normal")


@pytest.mark.parametrize("probabilities", [SURE_OUTER, LIKELY_OUTER, (0.4, 0.3, 0.2, 0.1)])
def test_without_a_baseline_a_machine_whose_envelope_repeats_nothing_is_normal(
    probabilities: tuple[float, ...],
) -> None:
    """A bearing fault repeats, whatever speed and bearing are; noise does not."""
    aperiodic, periodic = lines(periodicity_db=9.0), lines(periodicity_db=11.0)
    assert state_after(probabilities, None, aperiodic) == ("normal", "normal")
    assert state_after(probabilities, None, periodic)[0] in ("unknown", "abstain")
    assert state_after(probabilities, CHANGED, aperiodic) == ("unknown", None)


def test_a_machine_unlike_all_training_is_normal_where_nothing_repeats_else_unknown() -> None:
    for periodicity_db, decision in ((9.0, "normal"), (11.0, "unknown")):
        judge = Judge(LABELS, frozenset({"normal"}), 0.5, max_distance=0.2)
        decider = Decider(judge, Decide(), 0.1)
        physics = lines(periodicity_db=periodicity_db)
        examine = functools.partial(lambda found: found, physics)
        for _ in range(SECONDS):
            decider.update(Mark(0), Prediction(SURE_OUTER, distance=0.3), None, examine)
        assert decider.state.decision == decision


def test_the_sentence_says_that_nothing_repeats() -> None:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(patience=1), 0.1)
    sure = Prediction(SURE_OUTER)
    basis = decider.update(Mark(0), sure, None, lambda: lines(periodicity_db=9.0)).basis
    assert basis is not None
    assert basis.sentence == (
        "Normal: there is no baseline; the network says outer (0.94); "
        "nothing in the envelope repeats."
    )


def test_one_look_at_something_that_repeats_keeps_the_machine_from_being_normal() -> None:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
    looks = 0

    def examine() -> tuple[Physics, ...]:
        nonlocal looks
        looks += 1
        return lines(periodicity_db=15.0 if looks % 3 == 0 else 8.0)

    for _ in range(30):
        decider.update(Mark(0), Prediction(SURE_OUTER), None, examine)
    for _ in range(100):
        decider.update(Mark(0), Prediction(SURE_OUTER), None, examine)
        assert decider.state.decision != "normal"
    assert decider.state.decision == "unknown"


def test_labels_that_name_no_part_of_a_bearing_need_no_line() -> None:
    decider = Decider(Judge(("normal", "imbalance"), frozenset({"normal"}), 0.5), Decide(), 0.1)
    for _ in range(5):
        decider.update(Mark(0), Prediction((0.02, 0.98)))
    assert decider.state.label == "imbalance"
    for _ in range(5):
        decider.update(Mark(0), Prediction((0.02, 0.98)), HEALTHY)
    assert decider.state.decision == "normal"


def test_a_name_that_was_given_stays_while_the_network_wavers() -> None:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
    for _ in range(SECONDS):
        decider.update(Mark(0), Prediction(SURE_OUTER), CHANGED, lambda: lines(bpfo=12.0))
    for _ in range(SECONDS):
        decider.update(Mark(0), Prediction((0.3, 0.2, 0.4, 0.1)), CHANGED, lambda: lines(bpfo=12.0))
    assert decider.state.label == "outer"


def test_the_lines_are_looked_at_once_a_second_and_only_where_they_decide() -> None:
    looks: list[int] = []

    def examine() -> tuple[Physics, ...]:
        looks.append(1)
        return lines()

    for probabilities, comparison in ((NORMAL, None), (SURE_OUTER, HEALTHY)):
        decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
        for _ in range(SECONDS):
            decider.update(Mark(0), Prediction(probabilities), comparison, examine)
    assert not looks
    for _ in range(100):
        decider.update(Mark(0), Prediction(SURE_OUTER), CHANGED, examine)
    assert 9 <= len(looks) <= 11


def test_a_line_must_be_seen_in_three_looks_in_a_row() -> None:
    """Of looks every second, noise alone has a line now and then."""
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
    looks = 0

    def examine() -> tuple[Physics, ...]:
        nonlocal looks
        looks += 1
        return lines(bpfo=0.0 if looks % 3 == 0 else 12.0)

    for _ in range(300):
        decider.update(Mark(0), Prediction(SURE_OUTER), CHANGED, examine)
        assert decider.state.decision != "fault"


def test_a_network_sure_of_health_names_no_fault_on_a_changed_machine() -> None:
    nearly_sure = (0.95, 0.01, 0.035, 0.005)
    assert state_after(nearly_sure, CHANGED, lines(bpfo=20.0)) == ("unknown", None)


def test_a_name_needs_a_network_that_holds_it_likelier_than_all_else() -> None:
    largest_fault = (0.35, 0.05, 0.55, 0.05)
    assert state_after(largest_fault, CHANGED, lines(bpfo=20.0)) == ("unknown", None)


def test_a_name_goes_when_its_line_goes() -> None:
    decider = Decider(Judge(LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1)
    for physics in (lines(bpfo=12.0), lines()):
        examine = functools.partial(lambda found: found, physics)
        for _ in range(SECONDS):
            decider.update(Mark(0), Prediction(SURE_OUTER), CHANGED, examine)
    assert decider.state.decision == "unknown"
