"""Windows that are due together and share a model go through it in one batch."""

from dataclasses import dataclass, field

import numpy as np

from agent.acquisition.ring_buffer import Ring
from agent.acquisition.windows import Windower
from agent.core.model_contract import Contract, Decide
from agent.core.types import Mark, Prediction, Samples
from agent.diagnosis.decision import Decider, Judge
from agent.pipeline.window_scorer import Scorer, step
from tests.support import tiny


@dataclass
class Counting:
    """A classifier that notes its batches."""

    contract: Contract = field(default_factory=tiny.contract)
    batches: list[int] = field(default_factory=list)

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        self.batches.append(len(samples))
        return [Prediction((1 - mean, mean)) for mean in samples.mean(axis=(1, 2)).tolist()]


def channel(name: str, model: Counting, mean: float) -> tuple[Ring, Scorer]:
    ring = Ring(1000, 1, lambda: None)
    judge = Judge(tiny.LABELS, frozenset({"normal"}), 0.5)
    samples = (
        np.float32(mean) + np.float32(0.01) * np.sin(np.arange(400, dtype=np.float32))[:, None]
    )
    ring.write(samples, np.zeros(400, np.uint8))
    return ring, Scorer(name, Windower(ring, 200, 100), model, Decider(judge, Decide(), 0.1))


def test_one_call_for_each_model() -> None:
    shared, other = Counting(), Counting()
    channels = [
        channel("a", shared, 0.1)[1],
        channel("b", other, 0.9)[1],
        channel("c", shared, 0.8)[1],
    ]
    scored = step(channels)
    assert (shared.batches, other.batches) == ([6], [3])
    assert [s.source for s in scored] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    labels = [s.verdict.label for s in scored]
    assert labels == ["normal"] * 3 + ["loud"] * 6
    assert step(channels) == []


def test_a_flagged_window_is_never_shown_to_a_network() -> None:
    model = Counting()
    ring, flagged = channel("a", model, 0.1)
    ring.skip(50)
    ring.write(np.ones((250, 1), np.float32), np.zeros(250, np.uint8))
    scored = step([flagged])
    assert model.batches == [3]
    assert [(s.prediction is None, s.verdict.decision) for s in scored if s.window.marks] == [
        (True, "sensor_fault")
    ] * len([s for s in scored if s.window.marks])
    assert {m for s in scored for m in s.window.flags} == {"gap", "flat"}


def test_a_source_that_is_far_behind_does_not_starve_the_others() -> None:
    model = Counting()
    ring, behind = channel("a", model, 0.1)
    ring.write(np.random.default_rng(0).random((600, 1), np.float32), np.zeros(600, np.uint8))
    eager = Scorer("a", Windower(ring, 200, 1), model, behind.decider)
    _, other = channel("b", model, 0.9)
    sources = [s.source for s in step([eager, other])]
    assert sources.count("b") == 3
    assert 0 < sources.count("a") < 20


def test_marks_reach_the_decision() -> None:
    model = Counting()
    ring = Ring(1000, 1, lambda: None)
    marks = np.zeros(400, np.uint8)
    marks[250] = Mark.CLIPPED
    ring.write(np.random.default_rng(0).random((400, 1), np.float32), marks)
    judge = Judge(tiny.LABELS, frozenset({"normal"}), 0.0)
    scored = step([Scorer("a", Windower(ring, 200, 100), model, Decider(judge, Decide(), 0.1))])
    assert [s.verdict.decision == "sensor_fault" for s in scored] == [False, True, True]
