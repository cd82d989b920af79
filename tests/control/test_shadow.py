"""A candidate in the shadow is compared with the present model and never delays a live window."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agent.config.rollout import Rollout
from agent.control.rollout.assignments import Demand
from agent.control.rollout.shadow import MAX_WAITING, Candidate, Shadow
from agent.core.types import Mark, Prediction, Samples, Scored, Verdict, Window
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier, Serving
from agent.pipeline.source_pipeline import SourcePipeline
from tests.support import tiny


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class SlowCandidate:
    """A real classifier that takes `window_s` of the clock for a window."""

    def __init__(self, real: OnnxClassifier, clock: Clock, window_s: float) -> None:
        self.contract, self.sha256 = real.contract, real.sha256
        self.reads_running = real.reads_running
        self.spent_s, self.served = 0.0, 0
        self._real, self._clock, self._window_s = real, clock, window_s

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        self.begin(samples, running)
        return self.result()

    def begin(self, samples: Samples, running: Samples | None = None) -> None:
        self._begun = samples, running

    def result(self) -> list[Prediction]:
        self._clock.now_s += self._window_s
        self.spent_s += self._window_s
        self.served += len(self._begun[0])
        return self._real.classify(*self._begun)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("agent.control.rollout.shadow.time", clock)
    return clock


@pytest.fixture
def real(tmp_path: Path) -> OnnxClassifier:
    return classifier.load(tiny.write(tmp_path / "tiny.onnx"))


def shadow(candidate: Candidate, present: Serving, **keys: Any) -> Shadow:
    return Shadow(Rollout(**keys), candidate, present, Demand(sources=1, hop_s=10.0))


def scored(present: OnnxClassifier, first: int) -> tuple[Scored, SourcePipeline]:
    samples = np.full((1, present.contract.window), 0.5, np.float32)
    (prediction,) = present.classify(samples[None])
    window, verdict = Window(first, samples, 0, Mark(0), 0.0), Verdict("normal")
    pipeline = SimpleNamespace(
        origin=SimpleNamespace(contract=present.contract),
        scorer=SimpleNamespace(running=lambda _: (0.0,) * 5),
    )
    return Scored("fan", window, prediction, verdict, None, verdict), cast(SourcePipeline, pipeline)


def score(trial: Shadow) -> None:
    """One turn begins with a window, the next has the answer."""
    trial.turn()
    trial.turn()


def test_after_each_window_the_candidate_rests_for_as_long_as_it_took(
    real: OnnxClassifier, clock: Clock
) -> None:
    candidate = SlowCandidate(real, clock, window_s=0.25)
    trial = shadow(candidate, real)
    for first in range(3):
        trial.see(*scored(real, first))
    score(trial)
    assert (candidate.served, clock.now_s) == (1, 100.25)
    for now_s, served in ((100.25, 1), (100.49, 1), (100.5, 2), (100.9, 2), (101.0, 3)):
        clock.now_s = now_s
        score(trial)
        assert candidate.served == served, now_s
    assert trial.figures().windows == 3


def test_what_cannot_be_looked_at_in_time_is_dropped_and_counted(
    real: OnnxClassifier, clock: Clock
) -> None:
    trial = shadow(SlowCandidate(real, clock, window_s=0.25), real)
    for first in range(MAX_WAITING + 3):
        trial.see(*scored(real, first))
    figures = trial.figures()
    assert (figures.dropped, figures.windows, figures.agreement) == (3, 0, None)


def test_the_verdict_waits_for_the_time_and_for_the_windows(
    real: OnnxClassifier, clock: Clock
) -> None:
    trial = shadow(SlowCandidate(real, clock, 0.0), real, shadow_s=60.0, shadow_windows=2)
    for first in range(2):
        assert not trial.done
        trial.see(*scored(real, first))
        score(trial)
    assert not trial.done, "the time is not over"
    clock.now_s += 61
    assert trial.done
    assert trial.verdict() is None
    assert trial.figures().agreement == 1.0
