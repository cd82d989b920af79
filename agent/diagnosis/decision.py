"""From windows to a decision that a person can act on. Pure: no clock, no input or output.

One window is judged by `Judge.of`. A source's state then moves as follows.

*The network's own call.* Probabilities are smoothed exponentially. A label may be entered while its
smoothed probability is at least `enter`, and is held until it falls below `exit`; with no label to
hold or enter, the call is `abstain`. Flagged windows call for `sensor_fault`, and windows unlike
all training for `unknown`.

*With a baseline* (`agent.diagnosis.baseline`) what it calls healthy is normal, whatever the network
says. What it calls changed is a fault where `agent.diagnosis.naming` lets it have a name, else
`unknown`; and so is a condition or a speed that was not commissioned.

*Without a baseline* a bearing fault is named where the network is sure over about 3 s and the
bearing's line agrees. Where nothing in the envelope repeats the machine is normal: such a fault
would show (`agent.diagnosis.periodicity`). Else it is `unknown`; every other call of the network
stands.

*A model that detects* (`task: detection` in its contract: spoken words, say) has `detected` where
others have `fault`, whatever a baseline says.

*Without a network* (`model: none`) the baseline alone decides between normal and unknown; where
nothing is commissioned either, the state is `abstain`.

*A machine that stands still* is `stopped`: nothing is judged until it runs again.

Whatever is called for must be called for by `patience` windows in a row.
"""

import msgspec
import numpy as np

from agent.core.model_contract import Decide
from agent.core.types import Basis, Commissioned, Decision, Mark, Prediction, Verdict
from agent.diagnosis import naming
from agent.diagnosis.accumulation import Accumulation, Probabilities
from agent.diagnosis.baseline.monitor import Comparison
from agent.diagnosis.basis import at_rest, explain
from agent.diagnosis.line_looks import Examine, LineLooks
from agent.diagnosis.naming import Labels

SENSOR_FAULT = Verdict("sensor_fault")
STOPPED = Verdict("stopped")


class Judge(msgspec.Struct, frozen=True):
    """Names what one window shows."""

    labels: tuple[str, ...]
    normal: frozenset[str]
    confidence: float
    max_distance: float | None = None  # beyond it a window is like nothing in training
    not_normal: Decision = "fault"  # what every other label is

    def of(self, marks: Mark, prediction: Prediction | None) -> Verdict:
        """A flagged window is a sensor fault, whatever it looks like; never normal."""
        if marks or prediction is None:
            return SENSOR_FAULT
        if not prediction.probabilities:  # there is no network
            return Verdict("abstain")
        best = int(np.argmax(prediction.probabilities))
        probability = prediction.probabilities[best]
        if self._is_unknown(prediction):
            return Verdict("unknown", None, probability)
        if probability < self.confidence:
            return Verdict("abstain", None, probability)
        return self.labelled(best, probability)

    def labelled(self, label: int, probability: float) -> Verdict:
        name = self.labels[label]
        return Verdict("normal" if name in self.normal else self.not_normal, name, probability)

    def _is_unknown(self, prediction: Prediction) -> bool:
        if self.max_distance is None or prediction.distance is None:
            return False
        return prediction.distance > self.max_distance


class Update(msgspec.Struct, frozen=True):
    """What a window means."""

    verdict: Verdict  # of the window alone
    event: Verdict | None = None  # the new state, if this window changed it
    basis: Basis | None = None  # of the event


class Decider:
    """One source's state."""

    def __init__(self, judge: Judge, settings: Decide, hop_s: float) -> None:
        self.state = Verdict("abstain")
        self._settings = settings
        self._accumulated = Accumulation(hop_s)
        self._smoothed: Probabilities | None = None
        self._called_for = self.state
        self._in_a_row = 0
        self._announced = False
        self._looks = LineLooks(hop_s)
        self.succeeded(judge, settings)

    def succeeded(self, judge: Judge, settings: Decide) -> None:
        """Another network with the same labels goes on from here: the state is the machine's."""
        self._judge, self._settings = judge, settings
        self._labels = Labels(judge.labels, judge.normal)

    def update(
        self,
        marks: Mark,
        prediction: Prediction | None,
        comparison: Comparison | None = None,
        examine: Examine = lambda: None,
    ) -> Update:
        """Takes in a window; `examine` measures the signal up to its end, where that is needed.

        The first window always announces a state, so that a subscriber knows where it stands.
        """
        judged = self._judge.of(marks, prediction)
        self._take(judged, prediction)
        wanted = self._wanted(judged, comparison, examine)
        same = (wanted.decision, wanted.label) == (
            self._called_for.decision,
            self._called_for.label,
        )
        self._in_a_row = self._in_a_row + 1 if same else 1
        self._called_for = wanted
        event = self._move(wanted)
        basis = None if event is None or marks else self._basis(event, comparison)
        return Update(self._of_window(judged, comparison), event, basis)

    def rest(self, why: str, commissioned: Commissioned) -> Update:
        """The machine stands still: nothing is judged, and what was remembered is forgotten."""
        self._forget()
        same = self._called_for.decision == "stopped"
        self._in_a_row = self._in_a_row + 1 if same else 1
        self._called_for = STOPPED
        event = self._move(STOPPED)
        return Update(STOPPED, event, None if event is None else at_rest(why, commissioned))

    def fail(self) -> Verdict | None:
        """There is no signal at all: the state is a sensor fault at once; None if it was one."""
        self._forget()
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

    def _take(self, judged: Verdict, prediction: Prediction | None) -> None:
        """A sensor fault ends all memory: what comes after it is judged afresh."""
        if judged.decision == "sensor_fault" or prediction is None:
            self._forget()
            return
        self._looks.pass_window()
        if not prediction.probabilities:
            return
        new = np.asarray(prediction.probabilities, np.float64)
        old = new if self._smoothed is None else self._smoothed
        self._smoothed = old + self._settings.smoothing * (new - old)
        self._accumulated.add(new)

    def _forget(self) -> None:
        self._smoothed = None
        self._accumulated.forget()
        self._looks.forget()

    def _of_window(self, judged: Verdict, comparison: Comparison | None) -> Verdict:
        """What the window alone shows; the network's word on a changed machine stays."""
        if comparison is None or judged.decision == "sensor_fault":
            return judged
        if comparison.healthy:
            return self._normal(judged)
        silent = judged.decision == "normal" or self._smoothed is None
        if silent or not comparison.commissioned:
            return Verdict("unknown", None, judged.probability)
        return judged

    def _wanted(self, judged: Verdict, comparison: Comparison | None, examine: Examine) -> Verdict:
        """The state that this window calls for."""
        over_seconds = self._accumulated.probabilities()
        if judged.decision == "sensor_fault":
            return judged
        if over_seconds is None:
            return self._by_baseline(judged, comparison)
        call = self._call(judged)
        if call.decision == "detected":  # no state of the machine: no baseline speaks of it
            return call
        if comparison is None:
            return self._confirmed(call, over_seconds, examine)
        if not comparison.commissioned:
            return Verdict("unknown", None, call.probability)
        if comparison.healthy:
            return self._normal(call)
        return self._changed(call, over_seconds, examine)

    def _by_baseline(self, judged: Verdict, comparison: Comparison | None) -> Verdict:
        """Without a network: normal or unknown, and undecided where nothing is commissioned."""
        return judged if comparison is None else self._of_window(judged, comparison)

    def _call(self, judged: Verdict) -> Verdict:
        """The network's own, by its smoothed probabilities."""
        if judged.decision == "unknown" or self._smoothed is None:
            return judged
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

    def _normal(self, call: Verdict) -> Verdict:
        """The baseline's word; the probability is the network's, where it says the same."""
        if call.decision == "normal":
            return call
        over_seconds = self._accumulated.probabilities()
        if over_seconds is None:  # there is no network
            return Verdict("normal", self._judge.labels[0])
        return Verdict("normal", self._labels.best_normal(over_seconds))

    def _confirmed(self, call: Verdict, over_seconds: Probabilities, examine: Examine) -> Verdict:
        """The network's call, where nothing is commissioned."""
        label = call.label
        if call.decision in ("abstain", "unknown") and self._labels.any_bearing_part:
            self._looks.take(examine)
            return self._normal(call) if self._looks.aperiodic else call
        if label is None or not self._labels.is_bearing_part(label):
            return call
        at = self._judge.labels.index(label)
        if self.state == Verdict("fault", label, self.state.probability):
            likely = over_seconds[at] >= self._settings.exit
            held = likely and naming.may_stay(label, self._looks.take(examine))
            return call if held else Verdict("unknown", None, call.probability)
        looks = self._looks.take(examine)
        if naming.without_baseline(label, float(over_seconds[at]), self._accumulated.whole, looks):
            return call
        if self._looks.aperiodic:
            return self._normal(call)
        if not self._accumulated.whole:
            return Verdict("abstain", None, call.probability)
        return Verdict("unknown", None, call.probability)

    def _changed(self, call: Verdict, over_seconds: Probabilities, examine: Examine) -> Verdict:
        """The baseline says that the machine is not what it was."""
        if call.decision == "fault" and not self._labels.is_bearing_part(call.label or ""):
            return call
        held = self.state.label if self.state.decision == "fault" else None
        name = naming.changed(
            *(self._labels, over_seconds, held, self._accumulated.whole),
            lambda: self._looks.take(examine),
        )
        if name is None:
            return Verdict("unknown", None, call.probability)
        at = self._judge.labels.index(name)
        return Verdict("fault", name, float(over_seconds[at]))

    def _basis(self, event: Verdict, comparison: Comparison | None) -> Basis:
        over_seconds = self._accumulated.probabilities()
        network = None if over_seconds is None else naming.most_likely(self._labels, over_seconds)
        looks = self._looks
        return explain(
            *(event, comparison, network, self._accumulated.seconds),
            *(looks.newest, looks.aperiodic),
        )
