"""Commissioning tells how far it is, what it has seen, and early what speaks against it."""

import time
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.diagnosis.baseline.healthy_signal import HealthySignal
from agent.jobs.commission_progress import Progress
from agent.pipeline.commissioning.healthy_windows import HealthyWindows


class Commissioning:
    """A live source for ten minutes, a window every 0.1 s, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.lines = 1000.0, list[str]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        self.signal: Any = SimpleNamespace(windows=0)
        self.healthy = HealthyWindows(signal=cast(HealthySignal, self.signal), network=True)
        self.progress = Progress(self.lines.append, self.healthy, 0.1, 6000)

    def run(self, seconds: int, sound: int = 10, faulty: int = 0, **flags: int) -> None:
        """`sound` windows a second, of which so many are faulty; and flagged ones."""
        for _ in range(seconds):
            self.now_s += 1.0
            self.signal.windows += sound
            self.healthy.labels.update({"normal": sound - faulty, "outer": faulty})
            self.healthy.faulty += faulty
            self.healthy.flags.update(flags)
            self.healthy.flagged += sum(flags.values())
            self.progress.turn("ok")


@pytest.fixture
def commissioning(monkeypatch: pytest.MonkeyPatch) -> Commissioning:
    return Commissioning(monkeypatch)


def test_it_tells_what_is_there_what_is_left_and_what_was_seen(
    commissioning: Commissioning,
) -> None:
    commissioning.run(5)
    assert commissioning.lines == [
        "5 s of 10.0 min, about 9.9 min left; 50 sound windows, 0 flagged; "
        "the network: normal 100%, outer 0%; source ok"
    ]
    commissioning.run(300, sound=5, clipped=1)
    assert "2.2 min of 10.0 min, about 15.4 min left" in commissioning.lines[-1]
    assert "flagged (clipped" in commissioning.lines[-1]


def test_the_first_line_comes_after_seconds_and_later_ones_once_a_minute(
    commissioning: Commissioning,
) -> None:
    commissioning.run(5)
    assert len(commissioning.lines) == 1
    commissioning.run(10)
    assert len(commissioning.lines) == 2
    commissioning.run(585)
    assert 10 <= len(commissioning.lines) <= 13


def test_a_source_from_which_nothing_comes_is_told(commissioning: Commissioning) -> None:
    commissioning.run(5, sound=0)
    assert "nothing comes yet" in commissioning.lines[0]


def test_a_machine_that_the_network_calls_faulty_is_told_at_once_and_once(
    commissioning: Commissioning,
) -> None:
    commissioning.run(60, faulty=3)
    warnings = [line for line in commissioning.lines if line.startswith("warning")]
    assert len(warnings) == 1
    assert "the network calls 30% of the windows until now faulty" in warnings[0]
    assert commissioning.lines.index(warnings[0]) <= 1


def test_a_sensor_that_is_flagged_often_is_told_early(commissioning: Commissioning) -> None:
    commissioning.run(60, clipped=4)
    warnings = [line for line in commissioning.lines if line.startswith("warning")]
    assert len(warnings) == 1
    assert "29% of the windows until now are clipped, and left out" in warnings[0]


def test_what_was_seen_is_counted() -> None:
    healthy = HealthyWindows(flags=Counter({"gap": 2, "clipped": 1}), flagged=2)
    assert healthy.describe() == "0 sound windows, 2 flagged (gap 2, clipped 1); no network"
