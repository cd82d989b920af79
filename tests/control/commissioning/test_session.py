"""What a commissioning says while it listens."""

import dataclasses
import time
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agent.config.source import SourceKeys
from agent.control.commissioning.requests import CommissionRequest
from agent.control.commissioning.session import Session
from agent.core.types import Mark, Prediction, Scored, Verdict, Window
from agent.diagnosis.baseline.preview import PointPreview
from agent.pipeline.source_pipeline import SourcePipeline
from tests.support import tiny


@dataclasses.dataclass
class Clock:
    now_s: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now_s)
    return clock


def session(minutes: float = 10.0) -> Session:
    """Of a source with a window every 0.1 s, which has heard none."""
    common = SourceKeys(name="a", kind="synth")
    scorer = SimpleNamespace(rpm_of=lambda _: None, condition_of=lambda _: None)
    origin = SimpleNamespace(contract=tiny.contract(), unit="g")
    pipeline: Any = SimpleNamespace(
        name="a",
        hop=100,
        drained=False,
        settings=SimpleNamespace(common=common),
        scorer=scorer,
        origin=origin,
    )
    request = CommissionRequest(action="start", source="a", minutes=minutes)
    return Session(request, cast(SourcePipeline, pipeline))


def hear(session: Session, clock: Clock, count: int, loud: bool = False, mark: int = 0) -> None:
    """Windows at twice the usual pace."""
    rng = np.random.default_rng(0)
    first = session.healthy.signal.windows + session.healthy.flagged
    for at in range(first, first + count):
        clock.now_s += 0.05
        window = Window(
            100 * at, rng.standard_normal((1, 200)).astype(np.float32), 0, Mark(mark), clock.now_s
        )
        prediction = None if mark else Prediction((0.0, 1.0) if loud else (1.0, 0.0))
        normal = Verdict("normal", "normal", 1.0)  # as the baseline that is there has it
        session.take(Scored("a", window, prediction, normal, None, normal))


def doubts(session: Session) -> list[str]:
    return [warned.doubt for warned in session.status().warnings]


def test_the_time_that_is_left_follows_the_pace_of_the_windows(clock: Clock) -> None:
    heard = session(minutes=1.0)
    assert heard.status().left_s is None
    hear(heard, clock, 300)
    status = heard.status()
    assert (status.seconds, status.wanted_s) == (30, 60)
    assert status.left_s == pytest.approx(15)
    assert status.rms is not None
    assert 0.8 < status.rms[0] < status.rms[1] < 1.2


def test_a_machine_that_the_network_calls_faulty_is_warned_of_whatever_its_baseline_says(
    clock: Clock,
) -> None:
    heard = session()
    hear(heard, clock, 75)
    hear(heard, clock, 24, loud=True)
    assert doubts(heard) == []  # too few to say anything
    hear(heard, clock, 1, loud=True)
    assert doubts(heard) == ["faulty"]
    assert heard.status().network == {"normal": 0.75, "loud": 0.25}


def test_flagged_windows_are_counted_left_out_and_warned_of(clock: Clock) -> None:
    heard = session()
    hear(heard, clock, 80)
    hear(heard, clock, 40, mark=Mark.CLIPPED)
    status = heard.status()
    assert (status.windows, status.flagged, status.flags) == (80, 40, {"clipped": 40})
    assert doubts(heard) == ["flagged"]


def test_a_deaf_preview_and_a_silent_source_are_warned_of(clock: Clock) -> None:
    heard = session()
    hear(heard, clock, 10)
    heard.foresee([PointPreview(condition=None, rpm=None, seconds=1.0, states=1, threshold=12.7)])
    clock.now_s += 11
    assert doubts(heard) == ["deaf", "silent"]


def test_it_is_complete_when_all_is_heard_or_nothing_more_comes(clock: Clock) -> None:
    heard = session(minutes=0.1)
    hear(heard, clock, 59)
    assert not heard.complete
    hear(heard, clock, 1)
    assert heard.complete
    ended = session()
    cast(Any, ended.pipeline).drained = True
    assert ended.complete
