"""A source's alarm by its windows and measurements: what counts, and what is blind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from agent.config import load
from agent.config.alarms import Alarms
from agent.core.alarms import Maintenance, Standing
from agent.core.types import Mark, Scored, Verdict, Window
from agent.pipeline import build
from agent.pipeline.source_alarm import SourceAlarm
from tests.support.measured import measurement, physics

NORMAL, FAULT = Verdict("normal", "normal"), Verdict("fault", "loud")
KEYS = Alarms(delay_s=1.0, clear_s=2.0)
HOP_S = 0.1


class Watched:
    """A source whose windows are made."""

    def __init__(self, model: Path, **keys: Any) -> None:
        source = {"name": "fan", "kind": "synth", "rate_hz": 1000.0, "model": str(model)} | keys
        (self.pipeline,) = build.build_pipelines(load.parse({"sources": [source]}))
        self.alarm = SourceAlarm(self.pipeline, KEYS, Standing())
        self.events: list[str] = []

    def pass_windows(
        self, seconds: float, state: Verdict, anomaly: float | None = None, **window: Any
    ) -> "Watched":
        samples = np.zeros((1, 200), np.float32)
        for _ in range(round(seconds / HOP_S)):
            made = replace(Window(0, samples, 0, Mark(0), 0.0), **window)
            scored = Scored("fan", made, None, state, None, state, anomaly=anomaly)
            event = self.alarm.see(scored)
            self.events += [] if event is None else [event]
        return self

    def measure(self, mm_s: float, times: int = 2) -> "Watched":
        for number in range(times):
            record = measurement(number, mm_s)
            parts = tuple(physics(velocity_mm_s=mm_s, zone="A") for _ in range(1))
            self.pipeline.measurement = replace(record, physics=parts)
            self.pass_windows(HOP_S, NORMAL)
        return self


def test_a_fault_raises_the_sources_alarm(tiny_model: Path) -> None:
    watched = Watched(tiny_model).pass_windows(0.9, FAULT)
    assert watched.events == []
    watched.pass_windows(0.2, FAULT)
    assert (watched.events, watched.pipeline.standing.alarm) == (["raised"], "alarm")


def test_a_source_may_have_limits_of_its_own(tiny_model: Path) -> None:
    patient = Watched(tiny_model, alarms={"delay_s": 60.0}).pass_windows(10, FAULT)
    assert patient.events == []
    off = Watched(tiny_model, alarms={"enabled": False}).pass_windows(10, FAULT)
    assert off.events == []


def test_velocity_counts_from_measurement_to_measurement(tiny_model: Path) -> None:
    watched = Watched(tiny_model, machine_class="group2-rigid", unit="g").measure(9.0, 1)
    assert watched.pass_windows(5, NORMAL).events == []
    watched.measure(9.0, 1).pass_windows(1, NORMAL)
    assert watched.events == ["raised"]
    assert watched.pipeline.standing.basis is not None
    assert watched.pipeline.standing.basis.reason == "velocity"


@pytest.mark.parametrize(
    ("state", "window"),
    [
        (Verdict("sensor_fault"), {"marks": Mark.CLIPPED}),
        (Verdict("stopped"), {}),
        (FAULT, {"stopped": "running says so"}),
    ],
    ids=["broken", "stopped", "about to be stopped"],
)
def test_what_shows_no_machine_neither_raises_nor_ends_an_alarm(
    tiny_model: Path, state: Verdict, window: dict[str, Any]
) -> None:
    watched = Watched(tiny_model).pass_windows(0.8, FAULT).pass_windows(30, state, **window)
    assert watched.pass_windows(0.8, FAULT).events == []
    watched.pass_windows(0.4, FAULT)
    watched.alarm.acknowledge("now", "anna")
    watched.pass_windows(60, state, **window)
    assert watched.pipeline.standing.alarm == "alarm"
    watched.pass_windows(2.2, NORMAL)
    assert (watched.events, watched.pipeline.standing.alarm) == (["raised", "ended"], "none")


def test_a_shaft_at_speed_zero_is_blind_too(tiny_model: Path) -> None:
    watched = Watched(tiny_model, speed={"topic": "plant/drive"})
    assert watched.pass_windows(10, FAULT, rpm=None).events == [], "it stands, or is not known"
    assert watched.pass_windows(2, FAULT, rpm=1500.0).events == ["raised"]


def test_single_flagged_windows_stop_no_count(tiny_model: Path) -> None:
    watched = Watched(tiny_model)
    for _ in range(6):
        watched.pass_windows(0.2, FAULT).pass_windows(HOP_S, FAULT, marks=Mark.GAP)
    assert watched.events == ["raised"]


def test_maintenance_raises_none_and_what_was_there_waits_for_people(tiny_model: Path) -> None:
    watched = Watched(tiny_model).pass_windows(2, FAULT)
    watched.alarm.maintain(Maintenance(since="now", until=None, by="anna"))
    watched.pass_windows(10, FAULT)
    assert watched.events == ["raised", "inactive"]
    watched.alarm.acknowledge("now", "anna")
    watched.pass_windows(10, FAULT)
    assert watched.pipeline.standing.alarm == "none"
    watched.alarm.maintain(None)
    watched.pass_windows(2, FAULT)
    assert watched.events == ["raised", "inactive", "raised"]
