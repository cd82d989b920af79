"""A candidate beside the present model, on the same signal. For the main thread.

It is given one window at a time and only when no window waits to be scored, so that the live path
is late by one window's time of the candidate's at most. What cannot be looked at in time is dropped
and counted; the candidate takes at most half of the time that there is.
"""

import collections
import math
import time
from dataclasses import dataclass, field

import numpy as np
import soxr

from agent.config.rollout import Rollout
from agent.core.model_contract import RUNNING_WIDTH, Contract
from agent.core.types import Prediction, Samples, Scored
from agent.inference.classifier import Serving
from agent.messages.records import ShadowFigures
from agent.pipeline.source_pipeline import SourcePipeline

MOST_WAITING = 4  # windows; older ones are dropped
LEAST_SHARE = 0.1  # of a hop: below that a ratio of times means nothing
SLOW_AFTER = 20  # windows, before one that cannot keep up is given up


@dataclass
class Shadow:
    """What is known of one candidate."""

    keys: Rollout
    candidate: Serving
    present: Serving
    sources: int  # that it would serve
    hop_s: float  # the shortest of theirs
    began_s: float = field(default_factory=time.monotonic)
    windows: int = 0
    agreed: int = 0
    dropped: int = 0
    trouble: str | None = None
    _waiting: collections.deque[tuple[Scored, SourcePipeline]] = field(
        default_factory=collections.deque
    )
    _spent_s: float = 0.0
    _rest_until_s: float = 0.0
    _before: tuple[float, int] = (0.0, 0)  # of the present model, when this began

    def __post_init__(self) -> None:
        self._before = (self.present.spent_s, self.present.served)

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """A window that the present model has looked at."""
        if scored.prediction is None or self.trouble is not None:
            return
        self._waiting.append((scored, pipeline))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1

    def turn(self) -> None:
        """Looks at one window, if there is one and its time has come."""
        if not self._waiting or self.trouble or time.monotonic() < self._rest_until_s:
            return
        scored, pipeline = self._waiting.popleft()
        samples = reframed(pipeline, scored, self.candidate.contract)
        if samples is None:
            return
        began_s, before_s = time.monotonic(), self.candidate.spent_s
        try:
            (said,) = self.candidate.classify(samples[None], _running(pipeline, scored))
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no common base
            self.trouble = f"failed on a window: {' '.join(str(error).split())[:200]}"
            return
        self._spent_s += self.candidate.spent_s - before_s
        self._rest_until_s = 2 * time.monotonic() - began_s
        self._compare(scored, said)

    @property
    def done(self) -> bool:
        """Whether there is a verdict."""
        if self.trouble is not None or (self.windows >= SLOW_AFTER and self._slow()):
            return True
        long_enough = time.monotonic() - self.began_s >= self.keys.shadow_s
        return long_enough and self.windows >= self.keys.shadow_windows

    def verdict(self) -> str | None:
        """Why it may not take the present model's place; None: it may."""
        share = self.agreed / max(self.windows, 1)
        if self.trouble is not None:
            return self.trouble
        if share < self.keys.agreement:
            expected = f"expected at least {self.keys.agreement:g}"
            return f"agrees on {self.agreed} of {self.windows} windows, {share:.3f}, {expected}"
        return self._slow()

    def figures(self) -> ShadowFigures:
        return ShadowFigures(
            windows=self.windows,
            dropped=self.dropped,
            agreement=round(self.agreed / self.windows, 4) if self.windows else None,
            window_ms=round(self._mean_s() * 1000, 3) if self.windows else None,
            present_ms=round(self._present_s() * 1000, 3),
        )

    def _compare(self, scored: Scored, said: Prediction) -> None:
        if (wrong := unsound(said)) is not None:
            self.trouble = wrong
            return
        self.windows += 1
        assert scored.prediction is not None
        old, new = self.present.contract, self.candidate.contract
        one, other = _label(old, scored.prediction), _label(new, said)
        if set(old.labels) != set(new.labels):  # then only whether there is a fault compares
            one, other = str(one in old.normal), str(other in new.normal)
        self.agreed += one == other

    def _slow(self) -> str | None:
        return slow(self.keys, self._mean_s(), self._present_s(), self.hop_s, self.sources)

    def _mean_s(self) -> float:
        return self._spent_s / max(self.windows, 1)

    def _present_s(self) -> float:
        spent_s, served = self._before
        return (self.present.spent_s - spent_s) / max(self.present.served - served, 1)


def slow(keys: Rollout, mean_s: float, present_s: float, hop_s: float, sources: int) -> str | None:
    """Why a window's time is too long; None: it is not."""
    took = f"takes {mean_s * 1000:.2f} ms a window"
    if mean_s * sources > keys.hop_share * hop_s:
        return f"{took}, expected at most {keys.hop_share * hop_s * 1000 / sources:.2f}"
    if mean_s > keys.slower * present_s > 0 and mean_s * sources > LEAST_SHARE * hop_s:
        return f"{took}, and the present model {present_s * 1000:.2f}"
    return None


def unsound(said: Prediction) -> str | None:
    """What is wrong with a prediction by itself."""
    total = sum(said.probabilities)
    others = (said.shrinkage, said.snr_db, said.distance)
    finite = all(math.isfinite(each) for each in (total, *(o for o in others if o is not None)))
    if not finite or abs(total - 1) > 1e-2:
        return f"says of a window what is no probability: a sum of {total:g}"
    return None


def reframed(pipeline: SourcePipeline, scored: Scored, wanted: Contract) -> Samples | None:
    """The signal up to that window's end as another model reads it; None where it is not there."""
    now, window = pipeline.origin.contract, scored.window
    if (now.rate_hz, now.window) == (wanted.rate_hz, wanted.window):
        return window.samples
    end = window.first + window.samples.shape[1]
    frames = math.ceil(wanted.window / wanted.rate_hz * now.rate_hz) + 1
    first = end - frames
    if first < pipeline.ring.start or frames > pipeline.ring.size:
        return None
    samples, marks, _ = pipeline.ring.read(first, frames)
    if marks.any():
        return None
    signal = np.ascontiguousarray(samples[:, : now.channels])
    if now.rate_hz != wanted.rate_hz:
        signal = soxr.resample(signal, now.rate_hz, wanted.rate_hz)
    found = signal[-wanted.window :]
    return np.ascontiguousarray(found.T) if len(found) == wanted.window else None


def _running(pipeline: SourcePipeline, scored: Scored) -> Samples:
    known = np.array([pipeline.scorer.running(scored.window)], np.float32)
    return known.reshape(1, RUNNING_WIDTH)


def _label(described: Contract, said: Prediction) -> str:
    return described.labels[int(np.argmax(said.probabilities))]
