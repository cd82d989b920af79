"""Why a state changed: which part said what, in numbers and in one sentence. Pure."""

from agent.core.types import Basis, Commissioned, Verdict
from agent.diagnosis.baseline.monitor import Comparison
from agent.diagnosis.bearing_lines import Line


def explain(
    event: Verdict,
    comparison: Comparison | None,
    network: tuple[str, float] | None,
    network_s: float,
    line: Line | None,
    aperiodic: bool = False,
) -> Basis:
    """`network` is its most likely label over `network_s` and that label's probability.

    `aperiodic`: the envelope was looked at, and nothing in it repeats.
    """
    label, probability = network or (None, None)
    return Basis(
        sentence=_sentence(event, comparison, network, _signal(line, aperiodic)),
        baseline=_commissioned(comparison),
        anomaly=_rounded(comparison.anomaly if comparison else None),
        anomaly_slow=_rounded(comparison.anomaly_slow if comparison else None),
        network=label,
        network_probability=_rounded(probability),
        network_s=network_s,
        line=None if line is None else line.series,
        line_db=None if line is None else line.db,
    )


def at_rest(why: str, commissioned: Commissioned) -> Basis:
    """Of a machine that stands still: no part was asked."""
    return Basis(
        sentence=f"Stopped: {why}.",
        baseline=commissioned,
        anomaly=None,
        anomaly_slow=None,
        network=None,
        network_probability=None,
        network_s=0.0,
        line=None,
        line_db=None,
    )


def _commissioned(comparison: Comparison | None) -> Commissioned:
    if comparison is None:
        return "none"
    if not comparison.commissioned:
        return "elsewhere"
    return "provisional" if comparison.provisional else "whole"


def _sentence(
    event: Verdict,
    comparison: Comparison | None,
    network: tuple[str, float] | None,
    signal: str,
) -> str:
    parts = [_baseline(comparison), _network(network), signal]
    return f"{_conclusion(event, comparison)}: {'; '.join(part for part in parts if part)}."


def _conclusion(event: Verdict, comparison: Comparison | None) -> str:
    if event.decision == "unknown" and comparison is not None:
        if comparison.missing is not None:
            return "Speed or condition not known"
        if not comparison.commissioned:
            return "Not commissioned at this speed or condition"
        return "Changed, not named"
    words = {
        "normal": "Normal",
        "fault": f"Fault {event.label}",
        "detected": f"Detected {event.label}",
        "unknown": "Not named",
        "abstain": "Not decided",
        "stopped": "Stopped",
    }
    return words.get(event.decision, event.decision)


def _baseline(comparison: Comparison | None) -> str:
    if comparison is None:
        return "there is no baseline"
    if comparison.missing is not None:
        return comparison.missing
    if not comparison.commissioned:
        return "the baseline has no such operating point"
    kind = "provisional baseline" if comparison.provisional else "baseline"
    slow = comparison.anomaly_slow
    figures = f"anomaly {comparison.anomaly:.2f}" + ("" if slow is None else f", slow {slow:.2f}")
    return f"{'within' if comparison.healthy else 'beyond'} the {kind} ({figures})"


def _network(network: tuple[str, float] | None) -> str:
    return (
        "there is no network"
        if network is None
        else f"the network says {network[0]} ({network[1]:.2f})"
    )


def _signal(line: Line | None, aperiodic: bool) -> str:
    if aperiodic:
        return "nothing in the envelope repeats"
    return (
        "" if line is None else f"the strongest bearing line is {line.series} ({line.db:+.1f} dB)"
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
