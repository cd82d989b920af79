"""Sensors that stall, end, or deliver too little, beside one that is well."""

import math
import time
from collections.abc import Callable
from itertools import pairwise

from .listener import Listener
from .outcome import Check, at_most, injection
from .sensor import BLOCK, Sensor
from .world import RATE_HZ, World, seconds_until

HOP = 100  # frames, of the sensor's windows
OTHER_HOP = 50
Change = Callable[[Sensor], None]


@injection(
    "source stalls 5 s",
    "`sensor_fault` within 3 s, gap within one block, recovery; the others go on",
    short=True,
)
def stall(world: World) -> list[Check]:
    return _ill(world, _gives(0.0), _gives(1.0), "silent", 5.0)


@injection(
    "source ends (hangs up, connections refused for 5 s)",
    "`sensor_fault` within 3 s, gap within one block, recovery; the others go on",
)
def hang_up(world: World) -> list[Check]:
    return _ill(world, _door(False), _door(True), "broken", 5.0)


@injection(
    "source gives 90 % of its rate for 10 s",
    "`sensor_fault` within 3 s, gap within one block, recovery; the others go on",
)
def slow(world: World) -> list[Check]:
    return _ill(world, _gives(0.9), _gives(1.0), "slow", 10.0)


def _gives(share: float) -> Change:
    def change(sensor: Sensor) -> None:
        sensor.share = share

    return change


def _door(is_open: bool) -> Change:
    def change(sensor: Sensor) -> None:
        sensor.open = is_open

    return change


def _ill(
    world: World,
    begin: Change,
    end: Change,
    flag: str,
    lasts_s: float,
) -> list[Check]:
    """A sensor falls ill and recovers; what is told of it, and what is in the data."""
    sensor = world.stack.enter_context(Sensor())
    broker = world.broker()
    listener = world.listen(broker.port)
    tree = world.tree(broker.port, world.stream(sensor.port), world.live(RATE_HZ / OTHER_HOP))
    agent = world.start(tree)
    seconds_until(lambda: len(listener.windows("sensor")) > 30, 20)
    withheld, missing = sensor.withheld, _missing(listener)
    ill_s = time.monotonic()
    begin(sensor)
    told_s = seconds_until(lambda: _told(listener, ill_s), 20)
    flags = listener.states("sensor")[-1].flags
    time.sleep(max(0.0, ill_s + lasts_s - time.monotonic()))
    end(sensor)
    well_s = time.monotonic()
    recovered_s = seconds_until(lambda: _well(listener, well_s), 40)
    time.sleep(1.5)  # for the health that follows
    gap, known = sensor.withheld - withheld, _missing(listener) - missing
    stopped_s = agent.stopped_after_s()
    return [
        at_most("told after", told_s, 3.0, " s"),
        Check("flags", " ".join(flags), flag in flags),
        Check("recovered after s", recovered_s, recovered_s < math.inf),
        at_most(f"gap {known:,} of {gap:,.0f} frames: off by", abs(known - gap), BLOCK),
        *_whole(listener),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _missing(listener: Listener) -> int:
    return listener.health[-1]["sources"]["sensor"]["missing"] if listener.health else 0


def _told(listener: Listener, since_s: float) -> bool:
    states = listener.states("sensor")
    return any(s.decision == "sensor_fault" and s.received_s > since_s for s in states)


def _well(listener: Listener, since_s: float) -> bool:
    """Whether the source's state is a judgement again, and its windows come."""
    state, windows = listener.states("sensor")[-1], listener.windows("sensor")
    return state.decision != "sensor_fault" and windows[-1].received_s > max(
        since_s, state.received_s
    )


def _whole(listener: Listener) -> list[Check]:
    """Windows of the ill source lie on its grid, each once; the other source has them all."""
    on_grid = [w.first_sample for w in listener.windows("sensor")]
    ok = all(b > a and (b - a) % HOP == 0 for a, b in pairwise(on_grid))
    others = [w.first_sample for w in listener.windows("live")]
    holes = sum(b - a != OTHER_HOP for a, b in pairwise(others))
    faults = sum(s.decision == "sensor_fault" for s in listener.states("live"))
    return [
        Check("windows on the grid, each once", ok, ok),
        Check("other source: windows", len(others), len(others) > 100),
        Check("other source: holes", holes, holes == 0),
        Check("other source: faults", faults, faults == 0),
    ]
