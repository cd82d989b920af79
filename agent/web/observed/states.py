"""The state of each source since the agent started, and why it is so."""

import msgspec

from agent.core.types import Basis, Prediction, Scored, Verdict


class SourceState(msgspec.Struct, frozen=True):
    """Of one source."""

    verdict: Verdict
    since_s: float  # Unix time at which the state began; the agent's start, if it held then
    seen_s: float | None  # Unix time at which the newest window was scored; None: there was none
    basis: Basis | None  # of the change to this state; None: none was made
    flags: list[str]  # of the newest window
    anomaly: float | None  # of the newest window
    condition: str | None  # of the machine, where it is published
    probabilities: tuple[float, ...] | None  # of the newest window; None: no network saw it


class SourceStates:
    """`note` is for the page's thread; `of` is for any."""

    def __init__(self) -> None:
        self._by_source: dict[str, SourceState] = {}

    def note(self, scored: Scored, began_s: float, now_s: float) -> None:
        """`began_s` is the Unix time of the window's first sample; it counts with an event."""
        before = self._by_source.get(scored.source)
        seen_s = None if before is None else before.seen_s
        changed = scored.event is not None or before is None
        self._by_source[scored.source] = SourceState(
            verdict=scored.event or scored.previous,
            since_s=(began_s or now_s) if changed or before is None else before.since_s,
            seen_s=now_s if scored.window.samples.size else seen_s,
            basis=scored.basis if changed or before is None else before.basis,
            flags=scored.window.flags,
            anomaly=scored.anomaly,
            condition=scored.window.condition,
            probabilities=_rounded(scored.prediction),
        )

    def of(self, source: str) -> SourceState | None:
        """None before its first window."""
        return self._by_source.get(source)

    def verdicts(self) -> dict[str, Verdict]:
        """Of each source that had a window."""
        return {name: state.verdict for name, state in list(self._by_source.items())}


def _rounded(prediction: Prediction | None) -> tuple[float, ...] | None:
    if prediction is None:
        return None
    return tuple(round(p, 4) for p in prediction.probabilities) or None
