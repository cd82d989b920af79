"""What a recording shows, in one plain sentence. Pure."""

from collections.abc import Sequence

from agent.jobs.replay.spans import StateSpan, durations_s, key

SEVERITY = ("fault", "detected", "unknown", "sensor_fault", "normal", "stopped", "abstain")
WORDS = {
    "unknown": "unknown",
    "sensor_fault": "the signal cannot be used",
    "abstain": "nothing could be decided",
    "stopped": "the machine stands still",
}
UNLIKE_HEALTHY = ": it is not what it was when it was commissioned, and no fault can be named"
NOT_NAMED = ": something may be wrong, and no fault can be named"


def verdict(spans: Sequence[StateSpan]) -> str:
    """The most severe state of the recording, when it held, and why."""
    if not spans:
        return "nothing could be decided: there is no window"
    state = worst_state(spans)
    same = [span for span in spans if key(span) == state]
    longest = max(same, key=lambda span: span.duration_s)
    reason = _flags(same) or _reason(longest)
    meaning = _meaning(longest)
    return f"{name(longest)} {_when(spans, same)}{meaning}{f' ({reason})' if reason else ''}"


def worst_state(spans: Sequence[StateSpan]) -> tuple[str, str | None]:
    """Decision and label of the most severe state, of equal ones that which held for longest."""
    held_s = durations_s(spans)
    return min(held_s, key=lambda state: (SEVERITY.index(state[0]), -held_s[state]))


def name(span: StateSpan) -> str:
    """The state in words."""
    label = span.state.label
    if span.state.decision in ("fault", "detected"):
        return f"{span.state.decision} {label}"
    if span.state.decision == "normal":
        return "normal" if label in (None, "normal") else f"normal ({label})"
    return WORDS[span.state.decision]


def clock(seconds: float) -> str:
    """An offset in the recording, e.g. 0:07.5 or 1:02:07.5."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02}.{rest % 10}"


def _when(spans: Sequence[StateSpan], same: Sequence[StateSpan]) -> str:
    """The first second or so is undecided in every recording, and counts for nothing here."""
    decided = spans[1:] if spans[0].state.decision == "abstain" and len(spans) > 1 else spans
    end_s = spans[-1].end_s
    if all(key(span) == key(same[0]) for span in decided):
        return "throughout"
    if len(same) == 1:
        until = "the end" if same[0].end_s == end_s else clock(same[0].end_s)
        return f"from {clock(same[0].start_s)} to {until}"
    total_s = sum(span.duration_s for span in same)
    times = f"{len(same)} times, first at {clock(same[0].start_s)}"
    return f"{times}, {total_s / end_s:.0%} of {clock(end_s)}"


def _meaning(span: StateSpan) -> str:
    if span.state.decision != "unknown":
        return ""
    commissioned = span.basis is not None and span.basis.baseline in ("whole", "provisional")
    return UNLIKE_HEALTHY if commissioned else NOT_NAMED


def _flags(same: Sequence[StateSpan]) -> str:
    """Of a signal that cannot be used, what is wrong with it."""
    if same[0].state.decision != "sensor_fault":
        return ""
    flags = sorted({flag for span in same for flag in span.tally.flags})
    return ", ".join(flags)


def _reason(span: StateSpan) -> str:
    """Which part said what when the state was entered."""
    if span.basis is None:
        return ""
    return span.basis.sentence.partition(": ")[2].removesuffix(".")
