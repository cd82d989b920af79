"""Whether network and lines carry a fault's name. Pure.

A bearing network's fault needs the bearing's own line beside it. Where speed or bearing is not
known there is no line: then a machine that its baseline calls changed has a fault's name where the
network alone is sure, and one without a baseline has none, since nothing could check it. A label
that names no part of a bearing has no line either, and the network's word stands.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.diagnosis import bearing_lines
from agent.diagnosis.accumulation import Probabilities
from agent.diagnosis.bearing_lines import Line

SURE = 0.9  # how sure the network must be where no baseline or no line helps it
AMONG_FAULTS = 0.6  # its share among the faults, where the baseline says that the machine changed
HELD = 0.5  # the share at which a name that was given stays

Ask = Callable[[], Line | None]  # looks at the lines: costly, so only where they decide


@dataclass(frozen=True)
class Labels:
    """A network's labels, and which of them are healthy."""

    names: tuple[str, ...]
    normal: frozenset[str]

    def is_bearing_part(self, label: str) -> bool:
        return label not in self.normal and bearing_lines.series_of(label) is not None

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


def without_baseline(label: str, probability: float, whole: bool, ask: Ask) -> bool:
    """Whether a bearing fault may be named: over whole seconds, surely, and with its line."""
    if not whole or probability < SURE:
        return False
    line = ask()
    return line is not None and _speaks_for(line, label)


def changed(
    labels: Labels, probabilities: Probabilities, held: str | None, whole: bool, ask: Ask
) -> str | None:
    """The bearing fault that may be named on a machine that its baseline calls changed.

    `held` is the fault that was named before.
    """
    shares = labels.among_faults(probabilities)
    if held is not None and shares.get(held, 0.0) >= HELD:
        return held
    best = max(shares, key=shares.__getitem__) if shares else ""
    if not whole or not labels.is_bearing_part(best) or shares[best] < AMONG_FAULTS:
        return None
    line = ask()
    if line is None:
        sure = float(probabilities[labels.names.index(best)]) >= SURE
        return best if sure else None
    return best if _speaks_for(line, best) else None


def most_likely(labels: Labels, probabilities: Probabilities) -> tuple[str, float]:
    at = int(np.argmax(probabilities))
    return labels.names[at], float(probabilities[at])


def _speaks_for(line: Line, label: str) -> bool:
    return line.series == bearing_lines.series_of(label) and line.db >= bearing_lines.NAMES_DB
