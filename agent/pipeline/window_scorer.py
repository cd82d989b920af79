"""Windows in, scored windows out. No threads, no clock, no network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.acquisition.windows import Windower
from agent.core import bearing
from agent.core.bearing import Orders, Running
from agent.core.types import Classifier, Mark, Physics, Prediction, Scored, Window
from agent.diagnosis.baseline.monitor import Monitor
from agent.diagnosis.decision import Decider

DUE_AT_ONCE = 16  # windows of one source in one step, so that no source starves another


@dataclass(frozen=True)
class Scorer:
    """One source's way through the pipeline."""

    source: str
    windower: Windower
    classifier: Classifier
    decider: Decider
    rpm: float | None = None  # of the shaft, as configured
    orders: Orders | None = None  # of the bearing
    monitor: Monitor | None = None  # of what the machine is like when healthy, if commissioned
    examine: Callable[[Window], tuple[Physics, ...] | None] = lambda window: None

    def running(self, window: Window) -> Running:
        """What is known of the machine in that window; a measured speed is the better one."""
        return bearing.running(window.rpm or self.rpm, self.orders)


def step(scorers: Sequence[Scorer]) -> list[Scored]:
    """Scores every window that is due; those of one model in one call."""
    due = [(scorer, window) for scorer in scorers for window in scorer.windower.due(DUE_AT_ONCE)]
    predictions = _classify(due)
    return [
        _decide(scorer, window, prediction)
        for (scorer, window), prediction in zip(due, predictions, strict=True)
    ]


def fail(scorer: Scorer, mark: Mark, frame: int, now_s: float) -> Scored | None:
    """The source's fault, told by a window without samples; None where it has been told."""
    previous = scorer.decider.state
    event = scorer.decider.fail()
    if event is None:
        return None
    nothing = np.zeros((scorer.classifier.contract.channels, 0), np.float32)
    window = Window(frame, nothing, 0, mark, now_s)
    return Scored(scorer.source, window, None, event, event, previous)


def _classify(due: Sequence[tuple[Scorer, Window]]) -> list[Prediction | None]:
    """A flagged window is never shown to a network."""
    predictions: list[Prediction | None] = [None] * len(due)
    by_model: dict[int, list[int]] = {}
    for at, (scorer, window) in enumerate(due):
        if not window.marks:
            by_model.setdefault(id(scorer.classifier), []).append(at)
    for places in by_model.values():
        batch = np.stack([due[at][1].samples for at in places])
        running = np.array([due[at][0].running(due[at][1]) for at in places], np.float32)
        found = due[places[0]][0].classifier.classify(batch, running)
        for at, prediction in zip(places, found, strict=True):
            predictions[at] = prediction
    return predictions


def _decide(scorer: Scorer, window: Window, prediction: Prediction | None) -> Scored:
    previous = scorer.decider.state
    anomaly = None
    if scorer.monitor is not None and not window.marks:
        anomaly = scorer.monitor.anomaly(window.samples)
    verdict, event = scorer.decider.update(window.marks, prediction, anomaly)
    physics = None if event is None else scorer.examine(window)
    return Scored(scorer.source, window, prediction, verdict, event, previous, physics, anomaly)
