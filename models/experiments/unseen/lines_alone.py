"""The rule that learns nothing: the strongest line of the first seconds names the fault.

And its control: of the true bearing's orders and thirty that the machine does not have, whose
strongest line stands out most?
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from agent.acquisition import resampling
from agent.core.bearing import Bearing, Orders
from agent.diagnosis import bearing_lines, measurements
from agent.diagnosis.bearing_lines import Line
from agent.diagnosis.measurements import MachineInfo
from models.experiments.unseen import changes
from models.experiments.unseen.figures import Outcome, Share, is_bearing_fault, outcome
from models.experiments.unseen.machines import Clip, Condition

RATE_HZ = 10_000.0
FRAMES = round(measurements.SECONDS * RATE_HZ)


def table(conditions: Sequence[Condition]) -> Iterator[str]:
    """A row a machine whose bearing is known."""
    yield (
        "| machine | healthy: no line | bearing faults: right | wrong | no line "
        "| the true orders rank first of 31 | in the first three |"
    )
    yield "|" + "---|" * 7
    for machine in dict.fromkeys(each.machine for each in conditions if each.bearing):
        own = [each for each in conditions if each.machine == machine and each.bearing]
        yield f"| {machine} | {' | '.join(map(str, _shares(own)))} |"


def _shares(conditions: Sequence[Condition]) -> tuple[Share, ...]:
    healthy: Counter[Outcome] = Counter()
    faulty: Counter[Outcome] = Counter()
    ranks: list[int] = []
    for condition in conditions:
        orders = Bearing(**condition.bearing).orders  # type: ignore[arg-type]
        for clip in condition.uncommissioned:
            healthy[_named(clip, _strongest(clip, condition, orders))] += 1
        for clip in condition.faulty:
            if is_bearing_fault(clip.label):
                faulty[_named(clip, _strongest(clip, condition, orders))] += 1
                ranks.append(_rank(clip, condition, orders))
    return (
        Share(healthy["normal"], healthy.total()),
        *(Share(faulty[each], faulty.total()) for each in ("right", "wrong", "missed")),
        Share(sum(rank == 1 for rank in ranks), len(ranks)),
        Share(sum(rank <= 3 for rank in ranks), len(ranks)),
    )


def _named(clip: Clip, line: Line | None) -> Outcome:
    if line is None or line.db < bearing_lines.NAMES_DB:
        return outcome(clip.label, "normal", None)
    part = next(part for part, series in bearing_lines.PARTS.items() if series == line.series)
    return outcome(clip.label, "fault", part)


def _rank(clip: Clip, condition: Condition, true: Orders) -> int:
    """Of the true orders among the wrong ones; 1 is first."""
    lines = [_strongest(clip, condition, orders) for orders in changes.wrong_orders(true)]
    best = _strongest(clip, condition, true)
    true_db = -np.inf if best is None else best.db
    return 1 + sum(line is not None and line.db >= true_db for line in lines)


def _strongest(clip: Clip, condition: Condition, orders: Orders) -> Line | None:
    seconds = clip.samples[: round(measurements.SECONDS * condition.rate_hz), 0]
    signal = resampling.resample(seconds, condition.rate_hz, RATE_HZ)[:FRAMES].astype(np.float64)
    machine = MachineInfo(RATE_HZ, "any", clip.rpm, orders)
    return bearing_lines.strongest([measurements.measure(signal, machine)])
