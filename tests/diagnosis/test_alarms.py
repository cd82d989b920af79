"""When a warning or an alarm is raised, held and ended, second by second of simulated signal."""

from collections.abc import Iterable
from typing import Any

import pytest

from agent.config.alarms import Alarms
from agent.core.alarms import Alarm, AlarmEvent, Standing
from agent.core.types import Verdict
from agent.diagnosis import alarm_causes
from agent.diagnosis.alarm_causes import AlarmCauses, Cause, Values
from agent.diagnosis.alarm_latch import AlarmLatch
from tests.diagnosis import wear_out
from tests.support.measured import physics

NORMAL, FAULT, UNKNOWN = Verdict("normal", "normal"), Verdict("fault", "outer"), Verdict("unknown")
STEP_S = 1.0
KEYS = Alarms(delay_s=30.0, clear_s=60.0)
WARNING: tuple[Alarm, ...] = ("warning",)
ALARM: tuple[Alarm, ...] = ("alarm",)


def causes(*alarms: Alarm) -> list[Cause]:
    return [Cause(alarm=alarm, reason="decision", text=f"calls for {alarm}") for alarm in alarms]


class Machine:
    """A source whose causes are given, and what became of its alarm at which second."""

    def __init__(self, standing: Standing | None = None, **keys: Any) -> None:
        settings = Alarms(**{"delay_s": 30.0, "clear_s": 60.0} | keys)
        self.latch = AlarmLatch(settings, standing or Standing())
        self.now_s = 0
        self.events: list[tuple[int, AlarmEvent]] = []

    def run(self, seconds: int, *alarms: Alarm) -> "Machine":
        for _ in range(seconds):
            self.now_s += 1
            event = self.latch.pass_signal(STEP_S, causes(*alarms), str(self.now_s))
            if event is not None:
                self.events.append((self.now_s, event))
        return self

    def repeat(self, times: int, *pieces: tuple[int, Iterable[Alarm]]) -> "Machine":
        for _ in range(times):
            for seconds, alarms in pieces:
                self.run(seconds, *alarms)
        return self

    def acknowledge(self, by: str | None = "anna") -> AlarmEvent | None:
        return self.latch.acknowledge(str(self.now_s), by)

    @property
    def alarm(self) -> str:
        return self.latch.standing.alarm


def test_a_cause_raises_its_alarm_after_the_delay_and_not_before() -> None:
    machine = Machine().run(29, "warning")
    assert machine.alarm == "none"
    machine.run(1, "warning")
    assert machine.events == [(30, "raised")]
    basis = machine.latch.standing.basis
    assert basis is not None
    assert (basis.since, basis.sentence, basis.active) == (
        "30",
        "Warning: calls for warning.",
        True,
    )


def test_a_short_disturbance_raises_nothing_however_often_it_comes() -> None:
    machine = Machine().repeat(50, (20, ALARM), (40, ()))
    assert machine.events == []


def test_a_cause_that_comes_and_goes_raises_it_once_where_it_is_mostly_there() -> None:
    machine = Machine().repeat(100, (4, ALARM), (2, ()))
    assert [event for _, event in machine.events] == ["raised"]
    assert machine.events[0][0] <= 100


def test_a_warning_comes_before_the_alarm_of_a_machine_that_wears() -> None:
    machine = Machine().run(100, "warning").run(100, "alarm", "warning")
    assert machine.events == [(30, "raised"), (130, "raised")]
    assert machine.alarm == "alarm"


def test_a_latched_alarm_stays_when_its_cause_has_gone_until_it_is_acknowledged() -> None:
    machine = Machine().run(40, "alarm").run(5000)
    assert machine.events == [(30, "raised"), (100, "inactive")]
    assert machine.alarm == "alarm"
    assert machine.acknowledge() == "ended"
    assert machine.latch.standing == Standing()


def test_an_acknowledged_alarm_goes_on_with_its_cause_and_ends_with_it() -> None:
    machine = Machine().run(40, "alarm")
    assert machine.acknowledge() == "acknowledged"
    machine.run(1000, "alarm")
    assert machine.alarm == "alarm"
    basis = machine.latch.standing.basis
    assert basis is not None
    assert (basis.acknowledged_at, basis.acknowledged_by) == ("40", "anna")
    machine.run(59)
    assert machine.alarm == "alarm"
    machine.run(1)
    assert machine.events[-1] == (1100, "ended")


def test_an_acknowledged_warning_that_becomes_an_alarm_is_to_be_acknowledged_anew() -> None:
    machine = Machine().run(40, "warning")
    machine.acknowledge()
    machine.run(40, "alarm", "warning")
    assert machine.alarm == "alarm"
    assert not machine.latch.standing.acknowledged


def test_an_acknowledged_alarm_eases_to_the_warning_that_is_left() -> None:
    machine = Machine().run(40, "alarm", "warning")
    machine.acknowledge()
    machine.run(70, "warning")
    assert machine.events == [(30, "raised"), (100, "eased")]
    assert machine.alarm == "warning"
    assert machine.latch.standing.acknowledged
    machine.run(60)
    assert machine.alarm == "none"


def test_acknowledging_an_alarm_whose_warning_is_left_raises_no_second_one() -> None:
    machine = Machine().run(40, "alarm", "warning").run(100, "warning")
    assert machine.events[-1] == (100, "inactive")
    assert machine.acknowledge() == "eased"
    machine.run(100, "warning")
    assert machine.events[-1] == (100, "inactive")


def test_a_cause_that_comes_again_before_the_acknowledgement_is_the_same_alarm() -> None:
    machine = Machine().run(40, "alarm").run(100).run(40, "alarm")
    assert machine.events == [(30, "raised"), (100, "inactive"), (170, "active")]


def test_a_cause_that_comes_again_after_the_end_is_a_new_alarm() -> None:
    machine = Machine().run(40, "alarm")
    machine.acknowledge()
    machine.run(100).run(40, "alarm")
    assert [event for _, event in machine.events] == ["raised", "ended", "raised"]
    assert not machine.latch.standing.acknowledged


def test_an_alarm_that_is_not_latched_ends_by_itself() -> None:
    machine = Machine(latched=False).run(40, "alarm").run(60)
    assert machine.events == [(30, "raised"), (100, "ended")]


def test_what_is_acknowledged_twice_or_without_an_alarm_changes_nothing() -> None:
    machine = Machine()
    assert machine.acknowledge() is None
    machine.run(40, "alarm")
    assert machine.acknowledge("anna") == "acknowledged"
    assert machine.acknowledge("ben") is None
    assert machine.latch.standing.basis is not None
    assert machine.latch.standing.basis.acknowledged_by == "anna"


def test_a_blind_stretch_neither_raises_nor_ends() -> None:
    machine = Machine().run(20, "alarm")
    machine.latch.pass_blind()
    machine.run(29, "alarm")
    assert machine.alarm == "none"
    machine.run(1, "alarm")
    machine.acknowledge()
    machine.run(59)
    machine.latch.pass_blind()
    machine.run(59)
    assert machine.alarm == "alarm"


def test_a_restarted_agent_holds_the_alarm_with_its_beginning() -> None:
    before = Machine().run(40, "alarm").latch.standing
    machine = Machine(before).run(500)
    assert machine.latch.standing.basis is not None
    assert (machine.alarm, machine.latch.standing.basis.since) == ("alarm", "30")
    assert machine.acknowledge() == "ended"


def test_without_a_delay_the_first_window_raises_it() -> None:
    assert Machine(delay_s=0.0).run(1, "alarm").events == [(1, "raised")]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_machine_that_wears_out_over_thirty_days_has_one_warning_and_then_one_alarm(
    seed: int,
) -> None:
    events = wear_out.simulate(seed, Alarms())
    assert [event for _, event in events] == ["raised warning", "raised alarm"]
    assert [mm_s for mm_s, _ in events] == pytest.approx([2.8, 4.5], rel=0.1)


# -- what is a cause ------------------------------------------------------------------------


def of(meter: AlarmCauses, verdict: Verdict = NORMAL, *, compared: bool = True) -> list[str]:
    return [f"{cause.alarm} {cause.reason}" for cause in meter.of(verdict, compared=compared)]


def measure(meter: AlarmCauses, *velocities: float | None) -> None:
    for mm_s in velocities:
        meter.measured(Values(velocity_mm_s=mm_s))


@pytest.mark.parametrize(
    ("verdict", "compared", "expected"),
    [
        (FAULT, False, ["alarm decision"]),
        (UNKNOWN, True, ["warning decision"]),
        (UNKNOWN, False, []),
        (NORMAL, True, []),
        (Verdict("abstain"), True, []),
        (Verdict("sensor_fault"), True, []),
        (Verdict("detected"), True, []),
        (Verdict("stopped"), True, []),
    ],
)
def test_fault_and_what_differs_from_the_baseline_are_causes_and_no_other_decision(
    verdict: Verdict, compared: bool, expected: list[str]
) -> None:
    assert of(AlarmCauses(KEYS, None), verdict, compared=compared) == expected


def test_zones_begin_at_the_limits_of_the_machines_class() -> None:
    meter = AlarmCauses(KEYS, "group2-rigid")
    measure(meter, 2.8, 2.8)
    assert of(meter) == []
    measure(meter, 2.81, 2.81)
    assert of(meter) == ["warning velocity"]
    measure(meter, 4.51, 4.51)
    cause, warning = meter.of(NORMAL, compared=True)
    assert cause.text == "velocity 4.51 mm/s is above 4.5 mm/s, where zone D begins"
    assert (cause.alarm, cause.value, cause.limit) == ("alarm", 4.51, 4.5)
    assert warning.limit == 2.8


def test_one_measurement_alone_is_no_cause() -> None:
    meter = AlarmCauses(KEYS, "group2-rigid")
    measure(meter, 1.0, 9.0)
    assert of(meter) == []
    measure(meter, 1.0)
    assert of(meter) == []
    measure(meter, 9.0, 9.0)
    assert of(meter) == ["alarm velocity", "warning velocity"]


def test_a_value_that_chatters_around_its_limit_stays_a_cause_until_it_is_well_below() -> None:
    meter = AlarmCauses(Alarms(hysteresis=0.1), "group2-rigid")
    measure(meter, 2.9)
    for mm_s in (2.7, 2.85, 2.6, 2.9, 2.53):
        measure(meter, mm_s)
        assert of(meter) == ["warning velocity"], mm_s
    measure(meter, 2.5)
    assert of(meter) == []
    measure(meter, 2.7, 2.7)
    assert of(meter) == [], "it must be above the limit again"


def test_a_value_within_its_hysteresis_holds_an_alarm_and_raises_none() -> None:
    machine = Machine()
    within = [Cause(alarm="warning", reason="velocity", text="", firm=False)]
    for _ in range(1000):
        assert machine.latch.pass_signal(STEP_S, within, "") is None
    machine.run(30, "warning")
    assert machine.alarm == "warning"
    for _ in range(1000):
        assert machine.latch.pass_signal(STEP_S, within, "") is None


def test_anomaly_and_drift_have_limits_of_their_own_and_what_is_not_known_is_no_cause() -> None:
    meter = AlarmCauses(KEYS, None)
    for _ in range(2):
        meter.measured(Values(anomaly=1.6, drift=1.6))
    assert of(meter) == ["warning anomaly", "warning drift"]
    for _ in range(2):
        meter.measured(Values(anomaly=3.1, drift=99.0))
    assert of(meter) == ["alarm anomaly", "warning anomaly", "warning drift"]
    meter.measured(Values())
    assert of(meter) == []


def test_what_was_measured_before_a_standstill_is_forgotten() -> None:
    meter = AlarmCauses(KEYS, "group2-rigid")
    measure(meter, 9.0, 9.0)
    meter.forget()
    assert of(meter) == []
    measure(meter, 9.0)
    assert of(meter) == []


def test_switched_off_zones_and_decisions_raise_nothing() -> None:
    keys = Alarms(zone_warning="none", zone_alarm="none", fault="none", unknown="none")
    meter = AlarmCauses(keys, "group2-rigid")
    measure(meter, 99.0, 99.0)
    assert of(meter, FAULT) == of(meter, UNKNOWN) == []


def test_the_worst_channel_is_judged_and_the_slow_anomaly_goes_before_that_of_a_window() -> None:
    parts = [physics(velocity_mm_s=mm_s, zone="A") for mm_s in (1.0, 3.0, 2.0)]
    values = alarm_causes.values(parts, 5.0, 1.2, 0.3)
    assert values == Values(velocity_mm_s=3.0, channel=1, anomaly=1.2, drift=0.3)
    assert alarm_causes.values([physics(zone=None)], 5.0, None, None) == Values(anomaly=5.0)
