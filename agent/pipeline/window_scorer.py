"""Windows in, scored windows out. No threads, no clock, no network."""

import functools
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from agent.acquisition.operating_state import OperatingState
from agent.acquisition.windows import Windower
from agent.core import bearing
from agent.core.bearing import Orders, Running
from agent.core.types import (
    Classifier,
    Commissioned,
    Mark,
    Measured,
    Physics,
    Prediction,
    Scored,
    Window,
)
from agent.diagnosis.baseline.monitor import Comparison, Monitor
from agent.diagnosis.decision import Decider
from agent.diagnosis.measuring_times import MeasuringTimes
from agent.diagnosis.standstill import Standstill

Examine = Callable[..., tuple[Physics, ...] | None]  # window, the healthy machine's lines

MAX_WINDOWS_PER_SOURCE = 16  # in a step, so that no source starves another
MAX_WINDOWS_PER_STEP = 32  # of all that are late, so that a busy machine does not look like a hang


class Scorer(msgspec.Struct, frozen=True):
    """What scores the windows of one source."""

    source: str
    windower: Windower
    classifier: Classifier
    decider: Decider
    rpm: float | None = None  # of the shaft, as configured
    orders: Orders | None = None  # of the bearing
    monitor: Monitor | None = None  # compares with the healthy machine; None: not commissioned
    condition: str | None = None  # of the machine, as configured
    measured_speed: bool = False  # or published: a window without a speed stands still
    operating: OperatingState | None = None  # None: neither speed nor condition are published
    standstill: Standstill | None = None  # None: there is no tachometer
    examine: Examine = lambda window, healthy=(): None
    measuring: MeasuringTimes | None = None  # None: never

    def running(self, window: Window) -> Running:
        """Speed and bearing orders during that window; a measured speed goes before `rpm`."""
        return bearing.running(window.rpm or self.rpm, self.orders)

    def rpm_of(self, window: Window) -> float | None:
        """The shaft's speed: 0 where it stands or is not yet measured, None if not known."""
        if window.missing is not None:
            return None
        return window.rpm or 0.0 if self.measured_speed else self.rpm

    def condition_of(self, window: Window) -> str | None:
        """The machine's, as published or as configured."""
        return window.condition or self.condition

    def due(self, limit: int) -> Iterator[Window]:
        """Up to `limit` windows that are due, with what is published of the machine."""
        for window in self.windower.due(limit):
            if self.operating is None:
                yield window
                continue
            now = self.operating.at(window.arrived_s)
            published = "speed" in self.operating.readings
            yield msgspec.structs.replace(
                window,
                rpm=now.rpm or None if published else window.rpm,
                condition=now.condition,
                missing=now.missing,
                conditions=now.conditions,
                stopped=now.stopped,
            )

    def at_work(self, window: Window) -> Window:
        """The window with why the machine stands; a signal that stands with it is no fault."""
        stopped = window.stopped
        if stopped is None and self.standstill is not None and not window.marks & ~Mark.FLAT:
            stopped = self.standstill.of(window)
        if stopped is None:
            return window
        marks = window.marks & ~Mark.FLAT
        return msgspec.structs.replace(window, stopped=stopped, marks=marks)


def step(scorers: Sequence[Scorer]) -> list[Scored]:
    """Scores windows that are due, of each source at least one; those of one model in one call."""
    late = [scorer for scorer in scorers if scorer.windower.late]
    share = MAX_WINDOWS_PER_STEP // max(len(late), 1)
    limit = min(max(share, 1), MAX_WINDOWS_PER_SOURCE)
    due = [(scorer, scorer.at_work(window)) for scorer in late for window in scorer.due(limit)]
    predictions = _classify(due)
    return [
        _decide(scorer, window, prediction)
        for (scorer, window), prediction in zip(due, predictions, strict=True)
    ]


def fail(scorer: Scorer, mark: Mark, frame: int, now_s: float) -> Scored | None:
    """A fault of the source, as a window without samples; None where it was reported before.

    `frame` is the absolute index at which it shows, `now_s` monotonic time.
    """
    previous = scorer.decider.state
    event = scorer.decider.fail()
    if event is None:
        return None
    nothing = np.zeros((scorer.classifier.contract.channels, 0), np.float32)
    window = Window(frame, nothing, 0, mark, now_s)
    return Scored(scorer.source, window, None, event, event, previous)


def _classify(due: Sequence[tuple[Scorer, Window]]) -> list[Prediction | None]:
    """A prediction for each window, in order.

    None for one that is flagged, or of a machine that stands still: no network reads it.
    """
    predictions: list[Prediction | None] = [None] * len(due)
    by_model: dict[int, list[int]] = {}
    for position, (scorer, window) in enumerate(due):
        if not window.marks and window.stopped is None:
            by_model.setdefault(id(scorer.classifier), []).append(position)
    for positions in by_model.values():
        pairs = [due[position] for position in positions]
        batch = np.stack([window.samples for _, window in pairs])
        running = np.array([scorer.running(window) for scorer, window in pairs], np.float32)
        results = pairs[0][0].classifier.classify(batch, running)
        for position, prediction in zip(positions, results, strict=True):
            predictions[position] = prediction
    return predictions


def _decide(scorer: Scorer, window: Window, prediction: Prediction | None) -> Scored:
    if window.stopped is not None and not window.marks:
        return _rest(scorer, window, window.stopped)
    previous, comparison = scorer.decider.state, None
    if scorer.monitor is not None and not window.marks:
        comparison = _compare(scorer, scorer.monitor, window)
    healthy = comparison.lines if comparison is not None else ()
    examine = functools.cache(lambda: scorer.examine(window, healthy))
    update = scorer.decider.update(window.marks, prediction, comparison, examine)
    return Scored(
        *(scorer.source, window, prediction, update.verdict, update.event, previous),
        physics=None if update.event is None else examine(),
        anomaly=comparison.anomaly if comparison is not None else None,
        basis=update.basis,
        measure=_measure(scorer, window, comparison, examine),
    )


def _rest(scorer: Scorer, window: Window, why: str) -> Scored:
    """Of a machine that stands still; its levels are measured on."""
    previous = scorer.decider.state
    if scorer.monitor is not None:
        scorer.monitor.rest()
    update = scorer.decider.rest(why, _commissioned(scorer.monitor))
    examine = functools.cache(lambda: scorer.examine(window))
    return Scored(
        *(scorer.source, window, None, update.verdict, update.event, previous),
        basis=update.basis,
        measure=_measure(scorer, window, None, examine),
    )


def _commissioned(monitor: Monitor | None) -> Commissioned:
    if monitor is None:
        return "none"
    return "provisional" if monitor.baseline.provisional else "whole"


def _compare(scorer: Scorer, monitor: Monitor, window: Window) -> Comparison:
    if window.missing is not None:
        return monitor.unknown(window.missing)
    condition = scorer.condition_of(window)
    return monitor.compare(window.samples, scorer.rpm_of(window), condition)


def _measure(
    scorer: Scorer,
    window: Window,
    comparison: Comparison | None,
    examine: Callable[[], tuple[Physics, ...] | None],
) -> Callable[[], Measured | None] | None:
    """What measures the signal up to the window's end; None where it is not the time for it."""
    if scorer.measuring is None or not scorer.measuring.is_due(window):
        return None
    measured = functools.partial(
        Measured,
        verdict=scorer.decider.state,
        rpm=scorer.rpm_of(window),
        anomaly=None if comparison is None else comparison.anomaly,
        anomaly_slow=None if comparison is None else comparison.anomaly_slow,
        drift=None if scorer.monitor is None else scorer.monitor.drift,
        condition=scorer.condition_of(window),
        conditions=window.conditions,
        running=_is_running(scorer, window),
    )

    def measure() -> Measured | None:
        physics = examine()
        return None if physics is None else measured(physics=physics)

    return measure


def _is_running(scorer: Scorer, window: Window) -> bool | None:
    """Whether the machine runs; None where neither a speed nor another device says so."""
    if window.stopped is not None:
        return False
    said = None if window.conditions is None else window.conditions.running
    return True if said or (scorer.measured_speed and window.rpm) else None
