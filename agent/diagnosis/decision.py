"""From windows to a decision that a person can act on. Pure: no clock, no input or output.

One window is judged by `Judge.of`. A source's state then moves as follows. The probabilities of
judged windows are smoothed exponentially. A label may be entered while its smoothed probability
is at least `enter`, and is held until it falls below `exit`; with no label to hold or enter, the
state is `abstain`. Flagged windows call for `sensor_fault`, unknown ones for `unknown`, and so do
those that look normal to the network and are unlike the machine when it was commissioned (anomaly
above 1). Whatever is called for must be called for by `patience` windows in a row.
"""

from dataclasses import dataclass

import numpy as np

from agent.core.model_contract import Decide
from agent.core.types import Mark, Prediction, Verdict

SENSOR_FAULT = Verdict("sensor_fault")


@dataclass(frozen=True)
class Judge:
    """Names what one window shows."""

    labels: tuple[str, ...]
    normal: frozenset[str]
    confidence: float
    max_distance: float | None = None  # beyond it a window is like nothing in training

    def of(self, marks: Mark, prediction: Prediction | None) -> Verdict:
        """A flagged window is a sensor fault, whatever it looks like; never normal."""
        if marks or prediction is None:
            return SENSOR_FAULT
        best = int(np.argmax(prediction.probabilities))
        probability = prediction.probabilities[best]
        if self._is_unknown(prediction):
            return Verdict("unknown", None, probability)
        if probability < self.confidence:
            return Verdict("abstain", None, probability)
        return self.labelled(best, probability)

    def labelled(self, label: int, probability: float) -> Verdict:
        name = self.labels[label]
        return Verdict("normal" if name in self.normal else "fault", name, probability)

    def _is_unknown(self, prediction: Prediction) -> bool:
        if self.max_distance is None or prediction.distance is None:
            return False
        return prediction.distance > self.max_distance


class Decider:
    """One source's state."""

    def __init__(self, judge: Judge, settings: Decide) -> None:
        self.state = Verdict("abstain")
        self._judge = judge
        self._settings = settings
        self._smoothed: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None
        self._called_for = self.state
        self._in_a_row = 0
        self._announced = False

    def succeeded(self, judge: Judge, settings: Decide) -> None:
        """Another network with the same labels goes on from here: the state is the machine's."""
        self._judge, self._settings = judge, settings

    def update(
        self, marks: Mark, prediction: Prediction | None, anomaly: float | None = None
    ) -> tuple[Verdict, Verdict | None]:
        """The window's own verdict, and the new state if this window changed it.

        The first window always announces a state, so that a subscriber knows where it stands.
        """
        judged = self._judge.of(marks, prediction)
        self._smooth(judged, prediction)
        verdict, wanted = _doubted(judged, anomaly), _doubted(self._wanted(judged), anomaly)
        same = (wanted.decision, wanted.label) == (
            self._called_for.decision,
            self._called_for.label,
        )
        self._in_a_row = self._in_a_row + 1 if same else 1
        self._called_for = wanted
        return verdict, self._move(wanted)

    def fail(self) -> Verdict | None:
        """There is no signal at all: the state is a sensor fault at once; None if it was one."""
        self._smoothed = None
        self._called_for, self._in_a_row = SENSOR_FAULT, self._settings.patience
        if self.state.decision == "sensor_fault":
            return None
        self.state, self._announced = SENSOR_FAULT, True
        return self.state

    def _move(self, wanted: Verdict) -> Verdict | None:
        held = (wanted.decision, wanted.label) == (self.state.decision, self.state.label)
        if held or self._in_a_row < self._settings.patience:
            event = None if self._announced else self.state
        else:
            self.state = event = wanted
        self._announced = True
        return event

    def _smooth(self, verdict: Verdict, prediction: Prediction | None) -> None:
        """A sensor fault ends all memory: what comes after it is judged afresh."""
        if verdict.decision == "sensor_fault" or prediction is None:
            self._smoothed = None
            return
        new = np.asarray(prediction.probabilities, np.float64)
        weight = self._settings.smoothing
        self._smoothed = new if self._smoothed is None else _blend(self._smoothed, new, weight)

    def _wanted(self, verdict: Verdict) -> Verdict:
        """The state that this window calls for."""
        if verdict.decision in ("sensor_fault", "unknown") or self._smoothed is None:
            return verdict
        best = int(np.argmax(self._smoothed))
        if self._smoothed[best] >= self._settings.enter:
            return self._judge.labelled(best, float(self._smoothed[best]))
        held = self._held()
        if held is not None and self._smoothed[held] >= self._settings.exit:
            return self._judge.labelled(held, float(self._smoothed[held]))
        return Verdict("abstain", None, float(self._smoothed[best]))

    def _held(self) -> int | None:
        label = self.state.label
        return None if label is None else self._judge.labels.index(label)


def _doubted(verdict: Verdict, anomaly: float | None) -> Verdict:
    """What is called normal and is like nothing in commissioning is unknown; a fault stays one."""
    if verdict.decision != "normal" or anomaly is None or anomaly <= 1:
        return verdict
    return Verdict("unknown", None, verdict.probability)


def _blend(
    old: np.ndarray[tuple[int], np.dtype[np.float64]],
    new: np.ndarray[tuple[int], np.dtype[np.float64]],
    weight: float,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return old + weight * (new - old)
