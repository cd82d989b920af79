"""Which of several decisions matters most. Pure."""

from collections.abc import Iterable

from agent.core.types import Decision

WORST_FIRST: tuple[Decision, ...] = (
    "fault",
    "unknown",
    "sensor_fault",
    "abstain",
    "detected",
    "normal",
    "stopped",
)


def rank(decision: Decision) -> int:
    """0 for the worst."""
    return WORST_FIRST.index(decision)


def worst(decisions: Iterable[Decision]) -> Decision:
    """The worst of them; `ValueError` where there is none."""
    return min(decisions, key=rank)
