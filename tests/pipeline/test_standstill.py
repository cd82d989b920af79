"""A machine that stands still is stopped: not anomalous, no fault, and judged afresh afterwards."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agent.acquisition.operating_state import OperatingState
from agent.acquisition.published_values import Received
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.windows import Windower
from agent.config.published import Published
from agent.config.source import SourceKeys
from agent.core.model_contract import Decide
from agent.core.types import Mark, Scored
from agent.diagnosis.decision import Decider, Judge
from agent.diagnosis.standstill import Standstill
from agent.pipeline.window_scorer import Scorer, step
from tests.pipeline.test_window_scorer import Counting
from tests.support import tiny

WINDOW, HOP = 200, 100
TOPIC = "plant/drive-7"


class Machine:
    """A source whose windows come one by one, with what a drive publishes beside them."""

    def __init__(self, tacho: bool = False, **keys: Any) -> None:
        self.published: Received | None = None
        self.model = Counting()
        self._ring = Ring(100_000, 1 + tacho, lambda: None)
        self._tacho = tacho
        common = SourceKeys(name="press", kind="synth", **keys)
        state = OperatingState(common, None)
        for reading in state.readings.values():
            reading._latest = lambda _topic: self.published
        self.scorer = Scorer(
            source="press",
            windower=Windower(self._ring, WINDOW, HOP, tacho),
            classifier=self.model,
            decider=Decider(Judge(tiny.LABELS, frozenset({"normal"}), 0.5), Decide(), 0.1),
            measured_speed=tacho or "speed" in state.readings,
            operating=state if keys else None,
            standstill=Standstill() if tacho else None,
        )
        self._random = np.random.default_rng(0)

    def publish(self, payload: str) -> None:
        self.published = Received(payload.encode(), 1e12, False)

    def run(
        self, windows: int, level: float = 0.9, rpm: float = 0.0, mark: int = 0
    ) -> list[Scored]:
        """So many windows more; a level of 0.9 is loud, and one of 0 stands still."""
        frames = windows * HOP + (WINDOW - HOP if self._ring.end == 0 else 0)
        noise = level * (1 + 0.1 * self._random.standard_normal((frames, 1)))
        speed = np.full((frames, 1 if self._tacho else 0), rpm)
        samples = np.hstack([noise, speed]).astype(np.float32)
        self._ring.write(samples, np.full(frames, mark, np.uint8))
        return list(self._drain())

    def _drain(self) -> Iterator[Scored]:
        while scored := step([self.scorer]):
            yield from scored

    @property
    def decision(self) -> str:
        return self.scorer.decider.state.decision


RUNNING = Published(topic=TOPIC)


@pytest.mark.parametrize(
    ("keys", "runs", "stands", "why"),
    [
        ({"running": RUNNING}, "true", "false", "Stopped: the machine is not running."),
        ({"running": RUNNING}, "1", "OFF", "Stopped: the machine is not running."),
        (
            {"running": Published(topic=TOPIC, field="on")},
            '{"on": true}',
            '{"on": false}',
            "Stopped: the machine is not running.",
        ),
        ({"speed": RUNNING}, "1480", "0.4", "Stopped: the shaft turns at 0.4 rpm."),
    ],
)
def test_a_machine_stops_and_runs_again_as_others_say(
    keys: dict[str, Any], runs: str, stands: str, why: str
) -> None:
    machine = Machine(**keys)
    machine.publish(runs)
    machine.run(6)
    assert machine.decision == "fault"
    calls = len(machine.model.batches)

    machine.publish(stands)
    scored = machine.run(6)
    (event,) = [item for item in scored if item.event is not None]
    assert event.event is not None
    assert event.event.decision == "stopped"
    assert event.basis is not None
    assert event.basis.sentence == why
    assert (event.physics, event.anomaly, event.prediction) == (None, None, None)
    assert {item.verdict.decision for item in scored} == {"stopped"}
    assert len(machine.model.batches) == calls, "no network runs"

    machine.publish(runs)
    first = machine.run(1, level=0.1)[0]
    assert first.event is None, "one window is none"
    machine.run(5, level=0.1)
    assert machine.decision == "normal"


def test_what_nobody_says_any_more_is_taken_to_run() -> None:
    machine = Machine(running=RUNNING)
    machine.run(6)
    assert machine.decision == "fault", "nothing was published"
    machine.published = Received(b"false", -1e9, False)
    machine.run(6)
    assert machine.decision == "fault", "too old"
    machine.publish("perhaps")
    machine.run(6)
    assert machine.decision == "fault", "not readable"


def test_a_key_stops_a_machine_for_as_long_as_it_says_so() -> None:
    machine = Machine(running=False)
    machine.run(6)
    assert machine.decision == "stopped"


def test_a_signal_that_stands_still_with_the_machine_is_no_sensor_fault() -> None:
    machine = Machine(running=RUNNING)
    machine.publish("false")
    scored = machine.run(6, level=0.0)
    assert machine.decision == "stopped"
    assert scored[-1].window.flags == []
    machine.run(6, mark=Mark.CLIPPED)
    assert machine.decision == "sensor_fault", "a clipped signal is one"
    machine.publish("true")
    machine.run(6, level=0.0)
    assert machine.decision == "sensor_fault", "and a flat one at work"


def test_a_tachometer_stops_a_machine_only_where_its_signal_agrees() -> None:
    machine = Machine(tacho=True)
    machine.run(6, rpm=0.0)
    assert machine.decision == "fault", "it has shown no turn yet: its cable may be off"
    machine.run(10, rpm=1480.0)
    machine.run(6, rpm=0.0)
    assert machine.decision == "fault", "as strong as while it turned"
    machine.run(6, level=0.1, rpm=0.0)
    assert machine.decision == "stopped"
    machine.run(6, rpm=1480.0)
    assert machine.decision == "fault"


def test_load_and_temperature_are_conditions_where_they_have_limits() -> None:
    load = Published(topic=TOPIC, limits=(25.0, 75.0))
    machine = Machine(condition="coupled", load=load, temperature=61.5)
    machine.publish("80")
    (window, *_) = [item.window for item in machine.run(3)]
    assert window.condition == "coupled, load 75 and above"
    assert window.conditions is not None
    assert (window.conditions.load_percent, window.conditions.temperature_c) == (80.0, 61.5)
    machine = Machine(load=Published(topic=TOPIC, factor=0.5))
    machine.publish("80")
    (window, *_) = [item.window for item in machine.run(3)]
    assert (window.condition, window.missing) == (None, None)
    assert window.conditions is not None
    assert window.conditions.load_percent == 40.0
