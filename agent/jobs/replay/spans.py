"""The states of a recording one after another, and what its windows showed meanwhile. Pure."""

import collections
import math
from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.types import Basis, Scored, Verdict

MOST_ROWS = 30  # of a table, so that it fits a screen


class Tally(msgspec.Struct, frozen=True):
    """What windows showed; tallies of different windows can be added."""

    windows: int = 0
    flags: collections.Counter[str] = msgspec.field(default_factory=collections.Counter)
    judged: int = 0  # windows with probabilities
    probabilities: tuple[float, ...] = ()  # sums, by label
    power: float = 0.0  # sum of the mean squares without the mean, of the strongest channel
    compared: int = 0  # windows with an anomaly
    anomalies: float = 0.0  # sum

    def __add__(self, other: "Tally") -> "Tally":
        sums = _sum(self.probabilities, other.probabilities)
        return Tally(
            windows=self.windows + other.windows,
            flags=self.flags + other.flags,
            judged=self.judged + other.judged,
            probabilities=sums,
            power=self.power + other.power,
            compared=self.compared + other.compared,
            anomalies=self.anomalies + other.anomalies,
        )

    @property
    def rms(self) -> float | None:
        """In the source's unit, without the mean."""
        return math.sqrt(self.power / self.windows) if self.windows else None

    @property
    def anomaly(self) -> float | None:
        """The mean; None where there is no baseline."""
        return self.anomalies / self.compared if self.compared else None

    def network(self, labels: Sequence[str]) -> tuple[str, float] | None:
        """The label with the largest mean probability, and that; None: no window was classified."""
        if not self.judged:
            return None
        best = int(np.argmax(self.probabilities))
        return labels[best], self.probabilities[best] / self.judged


class StateSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the recording in which the state stays the same."""

    start_s: float
    end_s: float
    state: Verdict
    tally: Tally
    basis: Basis | None = None  # why the state was entered
    changes: int = 0  # of state inside, where several spans were merged

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class StateLog:
    """Takes the windows of a recording in order."""

    def __init__(self, rate_hz: float) -> None:
        self.end_s = 0.0  # of the last window
        self._rate_hz = rate_hz
        self._spans: list[StateSpan] = []
        self._open: StateSpan | None = None
        self._tallies: list[Tally] = []

    def take(self, scored: Scored) -> None:
        """A fault of the source, which has no window, changes the state alone."""
        window = scored.window
        end_s = (window.first + window.samples.shape[1]) / self._rate_hz
        if scored.event is not None:
            self._change(end_s, scored.event, scored.basis)
        self.end_s = max(self.end_s, end_s)
        if window.samples.size:
            self._tallies.append(_tally(scored))
        if len(self._tallies) > 1000:
            self._tallies = [_total(self._tallies)]

    def spans(self, duration_s: float) -> list[StateSpan]:
        """All states, the last one up to the recording's end."""
        self._close(max(duration_s, self.end_s))
        return self._spans

    def _change(self, at_s: float, state: Verdict, basis: Basis | None) -> None:
        self._close(at_s)
        start_s = at_s if self._spans else 0.0  # the first window announces what held before
        self._open = StateSpan(start_s=start_s, end_s=at_s, state=state, tally=Tally(), basis=basis)

    def _close(self, at_s: float) -> None:
        if self._open is None:
            return
        total = _total(self._tallies)
        self._spans.append(msgspec.structs.replace(self._open, end_s=at_s, tally=total))
        self._open, self._tallies = None, []


def key(span: StateSpan) -> tuple[str, str | None]:
    """Decision and label: spans of the same key are of the same state."""
    return span.state.decision, span.state.label


def durations_s(spans: Sequence[StateSpan]) -> dict[tuple[str, str | None], float]:
    """By state, how long it held."""
    totals_s: dict[tuple[str, str | None], float] = collections.defaultdict(float)
    for span in spans:
        totals_s[key(span)] += span.duration_s
    return totals_s


def merged(spans: Sequence[StateSpan], most: int = MOST_ROWS) -> list[StateSpan]:
    """At most so many spans: of more, those that begin in the same part of the time are one."""
    if len(spans) <= most:
        return list(spans)
    part_s = (spans[-1].end_s - spans[0].start_s) / most
    parts: dict[int, list[StateSpan]] = {}
    for span in spans:
        part = min(most - 1, int((span.start_s - spans[0].start_s) / part_s))
        parts.setdefault(part, []).append(span)
    return [_as_one(part) for part in parts.values()]


def _as_one(spans: Sequence[StateSpan]) -> StateSpan:
    """Their state is the one that held for longest."""
    held_s = durations_s(spans)
    main = max(spans, key=lambda span: held_s[key(span)])
    return msgspec.structs.replace(
        main,
        start_s=spans[0].start_s,
        end_s=spans[-1].end_s,
        tally=_total([span.tally for span in spans]),
        changes=len(spans) - 1,
    )


def _tally(scored: Scored) -> Tally:
    probabilities = () if scored.prediction is None else scored.prediction.probabilities
    samples = scored.window.samples
    finite = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
    return Tally(
        windows=1,
        flags=collections.Counter(scored.window.flags),
        judged=int(bool(probabilities)),
        probabilities=probabilities,
        power=float(finite.var(axis=1).max()),
        compared=int(scored.anomaly is not None),
        anomalies=scored.anomaly or 0.0,
    )


def _total(tallies: Sequence[Tally]) -> Tally:
    return sum(tallies, Tally())


def _sum(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    if not (first and second):
        return first or second
    return tuple(a + b for a, b in zip(first, second, strict=True))
