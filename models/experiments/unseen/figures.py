"""From what was said of clips to counts: n of N, per recording and per 3 s, never mixed."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.experiments.unseen.runs import PIECE_S, ClipResult, WindowResult

Outcome = Literal["normal", "unknown", "right", "wrong", "missed", "faulty"]
BEARING_FAULTS = frozenset({"inner", "outer", "ball"})
SURE = 0.9


@dataclass(frozen=True)
class Share:
    """`count` of `total`."""

    count: int
    total: int

    def __add__(self, other: "Share") -> "Share":
        return Share(self.count + other.count, self.total + other.total)

    @property
    def ratio(self) -> float:
        """0 to 1; nan of nothing."""
        return self.count / self.total if self.total else math.nan

    def __str__(self) -> str:
        if not self.total:
            return "-"
        return f"{self.count} of {self.total} ({100 * self.count / self.total:.0f} %)"


NOTHING = Share(0, 0)


def parts(label: str) -> frozenset[str]:
    """A compound fault is each of its parts: naming either is right."""
    return frozenset(label.split("+"))


def is_bearing_fault(label: str) -> bool:
    return parts(label) <= BEARING_FAULTS


def outcome(truth: str, decision: str, label: str | None) -> Outcome:
    """What a decision is worth where `truth` is known."""
    healthy = truth in ("normal", "off")
    if decision == "fault":
        if healthy:
            return "faulty"
        return "right" if label in parts(truth) else "wrong"
    if decision == "normal":
        return "normal" if healthy else "missed"
    return "unknown"


def of_recording(clip: ClipResult) -> Outcome:
    """The fault that was held longest, where any was; else `unknown` if it ever was; else normal.

    A recording that ends before anything was decided is unknown.
    """
    states = [(window.decision, window.label) for window in clip.windows]
    faults = Counter(label for decision, label in states if decision == "fault")
    if faults:
        return outcome(clip.label, "fault", faults.most_common(1)[0][0])
    decisions = [decision for decision, _ in states]
    if "unknown" in decisions or "normal" not in decisions:
        return "unknown"
    return outcome(clip.label, "normal", None)


def of_pieces(clip: ClipResult) -> Iterator[Outcome]:
    """The state at the end of every 3 s; of a clip that is shorter, at its end."""
    ends = {int(window.end_s / PIECE_S): window for window in clip.windows}
    length_s = clip.windows[-1].end_s if clip.windows else 0.0
    for piece in range(max(1, int(length_s / PIECE_S + 0.05))):
        last = _last_before(clip.windows, (piece + 1) * PIECE_S)
        if ends and last is not None:
            yield outcome(clip.label, last.decision, last.label)


def _last_before(windows: Sequence[WindowResult], end_s: float) -> WindowResult | None:
    before = [window for window in windows if window.end_s <= end_s + 1e-6]
    return before[-1] if before else None


@dataclass(frozen=True)
class Tally:
    """Outcomes of recordings or of pieces."""

    healthy: Counter[Outcome]
    bearing: Counter[Outcome]
    other: Counter[Outcome]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.healthy + other.healthy, self.bearing + other.bearing, self.other + other.other
        )

    def share(self, group: Literal["healthy", "bearing", "other"], *outcomes: Outcome) -> Share:
        counts: Counter[Outcome] = getattr(self, group)
        return Share(sum(counts[each] for each in outcomes), counts.total())


def tally(clips: Iterable[ClipResult], judge: Callable[[ClipResult], Iterable[Outcome]]) -> Tally:
    healthy: Counter[Outcome] = Counter()
    bearing: Counter[Outcome] = Counter()
    other: Counter[Outcome] = Counter()
    for clip in clips:
        if clip.label in ("normal", "off"):
            group = healthy
        else:
            group = bearing if is_bearing_fault(clip.label) else other
        group.update(judge(clip))
    return Tally(healthy, bearing, other)


def by_recording(clips: Iterable[ClipResult]) -> Tally:
    return tally(clips, lambda clip: [of_recording(clip)])


def by_piece(clips: Iterable[ClipResult]) -> Tally:
    return tally(clips, of_pieces)


@dataclass(frozen=True)
class Sureness:
    """Of the network alone, window by window, where the truth is one of its labels."""

    sure_wrong: Share  # > 0.9 sure and wrong, of all windows
    sure_right: Share  # > 0.9 sure, of the right windows
    calibration_points: float | None  # expected calibration error over ten bins


def sureness(clips: Iterable[ClipResult]) -> Sureness:
    judged = [
        (window.network in parts(clip.label), window.probability)
        for clip in clips
        if clip.label == "normal" or is_bearing_fault(clip.label)
        for window in clip.windows
        if window.network is not None
    ]
    right = np.array([right for right, _ in judged], bool)
    sure = np.array([probability for _, probability in judged])
    return Sureness(
        Share(int((~right & (sure > SURE)).sum()), len(judged)),
        Share(int((right & (sure > SURE)).sum()), int(right.sum())),
        _calibration(right, sure) if len(judged) else None,
    )


def _calibration(right: np.ndarray, sure: np.ndarray) -> float:
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(float(right[bins == at].mean()) - float(sure[bins == at].mean())) * (bins == at).sum()
        for at in np.unique(bins)
    ]
    return round(float(100 * sum(gaps) / len(sure)), 1)


@dataclass(frozen=True)
class Figures:
    """All that the tables need of one row on one machine."""

    row: str
    machine: str
    recordings: Tally
    pieces: Tally
    sureness: Sureness


def condensed(named: Iterable[tuple[str, Sequence[ClipResult]]]) -> list[Figures]:
    """Row by row and machine by machine; `named` are rows' names with their results."""
    by_key: dict[tuple[str, str], list[ClipResult]] = {}
    for name, results in named:
        for result in results:
            by_key.setdefault((name, result.machine), []).append(result)
    return [
        Figures(name, machine, by_recording(own), by_piece(own), sureness(own))
        for (name, machine), own in by_key.items()
    ]
