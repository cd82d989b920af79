"""The states of a recording as a table for people."""

from collections.abc import Iterator, Sequence

from agent.jobs.replay.spans import StateSpan, merged
from agent.jobs.replay.verdict import clock

ANY = "any"  # the unit of a network that standardizes its windows


def lines(spans: Sequence[StateSpan], labels: Sequence[str], unit: str) -> Iterator[str]:
    """The table as aligned text."""
    for cells in zip(*map(_aligned, zip(*rows(spans, labels, unit), strict=True)), strict=True):
        yield "  ".join(cells).rstrip()


def rows(spans: Sequence[StateSpan], labels: Sequence[str], unit: str) -> list[tuple[str, ...]]:
    """A head and a row for each state, or for several where they would not fit a screen.

    The probability is the mean of the network's most likely label; the level is the RMS of the
    strongest channel, without its mean. The anomaly is there with a baseline alone.
    """
    shown = merged(spans)
    compared = any(span.tally.anomaly is not None for span in shown)
    head = ("from", "to", "decision", "network", "RMS" if unit == ANY else f"RMS {unit}", "anomaly")
    table = [head, *(_cells(span, labels) for span in shown)]
    return table if compared else [cells[:-1] for cells in table]


def _aligned(column: Sequence[str]) -> list[str]:
    """Texts to the left, times and numbers to the right."""
    width = max(map(len, column))
    is_text = column[0] in ("decision", "network")
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in column]


def _cells(span: StateSpan, labels: Sequence[str]) -> tuple[str, ...]:
    tally, network = span.tally, span.tally.network(labels)
    return (
        clock(span.start_s),
        clock(span.end_s),
        decision(span),
        "-" if network is None else f"{network[0]} {network[1]:.2f}",
        _number(tally.rms),
        _number(tally.anomaly),
    )


def decision(span: StateSpan) -> str:
    """The decision with its label, with what is wrong with the signal, and merged changes."""
    state = span.state
    text: str = state.decision
    if state.label and state.label != state.decision:
        text += f" {state.label}"
    if state.decision == "sensor_fault" and span.tally.flags:
        text += f" [{' '.join(sorted(span.tally.flags))}]"
    changes = f" ({span.changes} change{'s' if span.changes > 1 else ''})"
    return f"{text}{changes}" if span.changes else text


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:#.3g}"
