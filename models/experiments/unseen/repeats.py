"""Does anything repeat in the envelope? Of healthy and faulty recordings, their first 5 s.

Neither speed nor bearing is told. Where nothing repeats, a machine without a baseline is normal.
"""

from collections.abc import Iterator, Sequence

from agent.acquisition import resampling
from agent.diagnosis import measurements
from agent.diagnosis.measurements import MachineInfo
from agent.diagnosis.periodicity import PERIODIC_DB
from models.experiments.unseen.figures import Share
from models.experiments.unseen.machines import Clip, Condition
from models.experiments.unseen.opinions import RATE_HZ


def table(conditions: Sequence[Condition]) -> Iterator[str]:
    """Markdown, a row a machine; those too slow for the networks' rate are left out."""
    yield "| machine | healthy: nothing repeats | bearing and other faults: nothing repeats |"
    yield "|---|---|---|"
    known = [each for each in conditions if each.rate_hz >= RATE_HZ]
    groups = {each.machine: [each.machine] for each in known}
    groups["**all**"] = list(groups)
    for name, members in groups.items():
        own = [each for each in known if each.machine in members]
        healthy = [_repeats(c, each) for each in own for c in each.uncommissioned]
        faulty = [_repeats(c, each) for each in own for c in each.faulty]
        shares = [Share(side.count(False), len(side)) for side in (healthy, faulty)]
        yield f"| {name} | {' | '.join(map(str, shares))} |"


def _repeats(clip: Clip, condition: Condition) -> bool:
    seconds = clip.samples[: round(measurements.SECONDS * condition.rate_hz), 0]
    signal = resampling.resample(seconds, condition.rate_hz, RATE_HZ).astype(float)
    physics = measurements.measure(signal, MachineInfo(RATE_HZ, "any", None, None))
    return physics.periodicity_db is not None and physics.periodicity_db >= PERIODIC_DB
