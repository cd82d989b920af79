"""A candidate beside the present model, on the same signal. For the main thread.

The candidate scores one window at a time in a process of its own; one begins only when no live
window waits. After each one the candidate rests for as long as it took, so that it takes at most
half of a core. What it cannot score in time is dropped and counted.
"""

import collections
import math
import time
from typing import Protocol

import numpy as np

from agent.acquisition.resampling import resample
from agent.config.rollout import Rollout
from agent.control.rollout.assignments import Demand
from agent.core.model_contract import RUNNING_WIDTH, Contract
from agent.core.types import Prediction, Samples, Scored
from agent.inference.classifier import Serving
from agent.messages.records import ShadowFigures
from agent.pipeline.source_pipeline import SourcePipeline

MAX_WAITING = 4  # windows; older ones are dropped
LEAST_SHARE = 0.1  # of a hop: below that a ratio of times means nothing
SLOW_AFTER = 20  # windows, before a candidate that cannot keep up is given up
SUM_TOLERANCE = 1e-2  # of a window's probabilities


class Candidate(Serving, Protocol):
    """A model whose answers are not waited for."""

    def begin(self, samples: Samples, running: Samples | None = None) -> None:
        """Lets it score those windows [count, channels, window]."""

    def result(self) -> list[Prediction] | None:
        """What it makes of them; None: not yet."""


class Shadow:
    """Compares a candidate with the present model, and comes to a verdict."""

    def __init__(
        self, rollout: Rollout, candidate: Candidate, present: Serving, demand: Demand
    ) -> None:
        """`demand`: what the candidate would have to score."""
        self.candidate, self.present = candidate, present
        self._rollout, self._demand = rollout, demand
        self._began_s = time.monotonic()
        self._present_before = (present.spent_s, present.served)
        self._waiting: collections.deque[tuple[Scored, SourcePipeline]] = collections.deque()
        self._scored: Scored | None = None  # what the candidate works on
        self._windows = self._agreed = self._dropped = 0
        self._spent_s = 0.0  # processor time of the candidate
        self._rest_until_s = 0.0
        self._failure: str | None = None

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Puts a window that the present model has scored in the queue."""
        if scored.prediction is None or self._failure is not None:
            return
        self._waiting.append((scored, pipeline))
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1

    def turn(self) -> None:
        """Takes the candidate's answer, or begins with a window once it has rested."""
        if self._failure is not None:
            return
        try:
            if self._scored is None:
                self._begin()
            else:
                self._finish(self._scored)
        except Exception as error:  # noqa: BLE001 - whatever it is, the present model goes on
            self._failure = f"failed on a window: {' '.join(str(error).split())[:200]}"

    def _begin(self) -> None:
        if not self._waiting or time.monotonic() < self._rest_until_s:
            return
        scored, pipeline = self._waiting.popleft()
        samples = reframed(pipeline, scored, self.candidate.contract)
        if samples is not None:
            self.candidate.begin(samples[None], _running(pipeline, scored))
            self._scored = scored

    def _finish(self, scored: Scored) -> None:
        before_s = self.candidate.spent_s
        predictions = self.candidate.result()
        if predictions is None:
            return
        self._scored = None
        spent_s = self.candidate.spent_s - before_s
        self._spent_s += spent_s
        self._rest_until_s = time.monotonic() + spent_s
        self._compare(scored, predictions[0])

    @property
    def done(self) -> bool:
        """Whether there is a verdict."""
        if self._failure is not None or (self._windows >= SLOW_AFTER and self._slow()):
            return True
        long_enough = time.monotonic() - self._began_s >= self._rollout.shadow_s
        enough = long_enough and self._windows >= self._rollout.shadow_windows
        return enough and self._scored is None  # so that it owes no answer

    def verdict(self) -> str | None:
        """Why it may not take the present model's place; None: it may."""
        share = self._agreed / max(self._windows, 1)
        if self._failure is not None:
            return self._failure
        if share < self._rollout.agreement:
            found = f"agrees on {self._agreed} of {self._windows} windows, {share:.3f}"
            return f"{found}, expected at least {self._rollout.agreement:g}"
        return self._slow()

    def figures(self) -> ShadowFigures:
        windows = self._windows
        return ShadowFigures(
            windows=windows,
            dropped=self._dropped,
            agreement=round(self._agreed / windows, 4) if windows else None,
            window_ms=round(self._mean_s() * 1000, 3) if windows else None,
            present_ms=round(self._present_mean_s() * 1000, 3),
        )

    def _compare(self, scored: Scored, prediction: Prediction) -> None:
        if (failure := unsound(prediction)) is not None:
            self._failure = failure
            return
        if scored.prediction is None:  # `see` lets none through
            return
        self._windows += 1
        old, new = self.present.contract, self.candidate.contract
        expected, found = _label(old, scored.prediction), _label(new, prediction)
        if set(old.labels) != set(new.labels):  # then only whether there is a fault compares
            expected, found = str(expected in old.normal), str(found in new.normal)
        self._agreed += expected == found

    def _slow(self) -> str | None:
        return slow(self._rollout, self._mean_s(), self._present_mean_s(), self._demand)

    def _mean_s(self) -> float:
        return self._spent_s / max(self._windows, 1)

    def _present_mean_s(self) -> float:
        spent_s, served = self._present_before
        return (self.present.spent_s - spent_s) / max(self.present.served - served, 1)


def slow(rollout: Rollout, mean_s: float, present_s: float, demand: Demand) -> str | None:
    """Why a window takes too long; None: it does not.

    `mean_s` and `present_s` are the processor times a window of a model and of the one before it.
    """
    took = f"takes {mean_s * 1000:.2f} ms a window"
    if mean_s * demand.sources > rollout.hop_share * demand.hop_s:
        limit_ms = rollout.hop_share * demand.hop_s * 1000 / demand.sources
        return f"{took}, expected at most {limit_ms:.2f}"
    negligible = mean_s * demand.sources <= LEAST_SHARE * demand.hop_s
    if mean_s > rollout.slower * present_s > 0 and not negligible:
        return f"{took}, and the present model {present_s * 1000:.2f}"
    return None


def unsound(prediction: Prediction) -> str | None:
    """What is wrong with a prediction by itself; None: nothing."""
    total = sum(prediction.probabilities)
    optional = (prediction.shrinkage, prediction.snr_db, prediction.distance)
    values = (total, *(value for value in optional if value is not None))
    if not all(map(math.isfinite, values)) or abs(total - 1) > SUM_TOLERANCE:
        return f"gives no probability for a window: found a sum of {total:g}, expected 1"
    return None


def reframed(pipeline: SourcePipeline, scored: Scored, contract: Contract) -> Samples | None:
    """The signal up to the window's end as another model reads it, [channels, window].

    None where the ring does not have it.
    """
    now, window = pipeline.origin.contract, scored.window
    if (now.rate_hz, now.window) == (contract.rate_hz, contract.window):
        return window.samples
    end = window.first + window.samples.shape[1]
    frames = math.ceil(contract.window / contract.rate_hz * now.rate_hz) + 1
    first = end - frames
    if first < pipeline.ring.start or frames > pipeline.ring.size:
        return None
    samples, marks, _ = pipeline.ring.read(first, frames)
    if marks.any():
        return None
    signal = np.ascontiguousarray(samples[:, : now.channels])
    if now.rate_hz != contract.rate_hz:
        signal = resample(signal, now.rate_hz, contract.rate_hz)
    last = signal[-contract.window :]
    return np.ascontiguousarray(last.T) if len(last) == contract.window else None


def _running(pipeline: SourcePipeline, scored: Scored) -> Samples:
    """The input `running` of `agent.core.model_contract`, [1, 5]."""
    values = np.array([pipeline.scorer.running(scored.window)], np.float32)
    return values.reshape(1, RUNNING_WIDTH)


def _label(contract: Contract, prediction: Prediction) -> str:
    return contract.labels[int(np.argmax(prediction.probabilities))]
