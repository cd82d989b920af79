"""Whether network and lines carry a fault's name. Pure.

A bearing network's fault needs the bearing's own line beside it. Where speed or bearing is not
known there is no line: then a machine that its baseline calls changed has a fault's name where the
network alone is sure, and one without a baseline has none, since nothing could check it. A label
that names no part of a bearing has no line either, and the network's word stands.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from agent.diagnosis import bearing_lines
from agent.diagnosis.accumulation import Probabilities
from agent.diagnosis.bearing_lines import Line
from agent.diagnosis.line_looks import LOOKS

SURE = 0.9  # how sure the network must be where no baseline or no line helps it
LIKELY = 0.6  # how sure it must be where the baseline says that the machine changed
HELD = 0.5  # its share among the faults at which a name that was given stays

Looks = Sequence[Line | None]  # at the strongest line, the newest last
Ask = Callable[[], Looks]  # costly, so only where lines decide


class Labels(msgspec.Struct, frozen=True):
    """A network's labels, and which of them are healthy."""

    names: tuple[str, ...]
    normal: frozenset[str]

    def is_bearing_part(self, label: str) -> bool:
        return label not in self.normal and bearing_lines.series_of(label) is not None

    @property
    def any_bearing_part(self) -> bool:
        return any(self.is_bearing_part(name) for name in self.names)

    def best_normal(self, probabilities: Probabilities) -> str:
        at = max(
            (at for at, name in enumerate(self.names) if name in self.normal),
            key=lambda at: float(probabilities[at]),
        )
        return self.names[at]

    def among_faults(self, probabilities: Probabilities) -> dict[str, float]:
        """Each fault's share of what is not normal."""
        faults = {
            name: float(p)
            for name, p in zip(self.names, probabilities, strict=True)
            if name not in self.normal
        }
        total = sum(faults.values()) or 1.0
        return {name: p / total for name, p in faults.items()}


def without_baseline(label: str, probability: float, whole: bool, looks: Looks) -> bool:
    """Whether a bearing fault may be named: over whole seconds, surely, and with its line."""
    return probability >= SURE and _confirmed(looks, label) and whole


def changed(
    labels: Labels, probabilities: Probabilities, held: str | None, whole: bool, ask: Ask
) -> str | None:
    """The bearing fault that may be named on a machine that its baseline calls changed.

    `held` is the fault that was named before.
    """
    shares = labels.among_faults(probabilities)
    if held is not None and shares.get(held, 0.0) >= HELD and may_stay(held, ask()):
        return held
    best = max(shares, key=shares.__getitem__) if shares else ""
    probability = float(probabilities[labels.names.index(best)]) if best else 0.0
    if probability < LIKELY or not labels.is_bearing_part(best):
        return None
    looks = ask()
    carried = _confirmed(looks, best) if any(looks) else probability >= SURE
    return best if carried and whole else None


def may_stay(label: str, looks: Looks) -> bool:
    """Whether a name that was given may stay: one look still has its line, or there are none."""
    return not any(looks) or any(_speaks_for(line, label) for line in looks)


def most_likely(labels: Labels, probabilities: Probabilities) -> tuple[str, float]:
    at = int(np.argmax(probabilities))
    return labels.names[at], float(probabilities[at])


def _confirmed(looks: Looks, label: str) -> bool:
    return len(looks) == LOOKS and all(_speaks_for(line, label) for line in looks)


def _speaks_for(line: Line | None, label: str) -> bool:
    if line is None or line.series != bearing_lines.series_of(label):
        return False
    return line.db >= bearing_lines.NAMES_DB
