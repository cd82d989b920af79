"""How the commissioning of one source stands, for commands and the page."""

from typing import Literal

import msgspec

from agent.core.annotated import Count, NonNegative, Share

Phase = Literal["listening", "learning", "done", "cancelled", "failed"]
Doubt = Literal["deaf", "faulty", "flagged", "silent", "unknown"]


class CommissionedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One operating point: a condition and a speed in which the machine was heard."""

    condition: str | None
    rpm: float | None  # null: not known, 0: it stands
    seconds: NonNegative  # of healthy signal
    states: Count  # operating states that differ, without those with noise
    threshold: NonNegative  # distance; a steady machine has 4.2


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks against this commissioning."""

    doubt: Doubt  # deaf: only large faults would be heard; unknown: speed or condition
    text: str  # for a person


class Commissioning(msgspec.Struct, frozen=True, kw_only=True):
    """What a commissioning has heard, and what became of it."""

    source: str
    phase: Phase
    began: str  # ISO 8601
    extend: bool  # the baseline that is there grows
    seconds: NonNegative  # of healthy signal until now
    wanted_s: NonNegative
    left_s: NonNegative | None  # about, at the pace until now; null: nothing comes
    windows: Count  # healthy ones
    flagged: Count  # left out
    flags: dict[str, int]  # windows with each flag
    network: dict[str, Share] | None  # share of each label of the network; null: there is none
    unit: str
    rms: tuple[float, float] | None  # the lowest and the highest of a window, all channels
    points: tuple[CommissionedPoint, ...]
    warnings: tuple[Warned, ...]
    baseline_s: NonNegative | None  # of the baseline that was learned, with what it extends
    provisional: bool | None  # the baseline has less than 300 s
    why: str | None  # it failed
