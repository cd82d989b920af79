"""What happens to the fleet, phase by phase, and what is counted at the end."""

import functools
import time
from dataclasses import dataclass

from benchmarks.fleet import checks
from benchmarks.fleet.fleet import Fleet, Phase
from benchmarks.fleet.report import Run
from benchmarks.fleet.storm import Storm, storm
from benchmarks.fleet.worker import End

NEW_MODEL = "2.0.0"
LAG_S = 10.0  # what was put so long before the broker stopped may have been sent after it was back


@dataclass(frozen=True)
class Outage:
    """Of the broker; Unix times."""

    down_s: float
    up_s: float
    consumers_up_s: float


def play(fleet: Fleet) -> Run:
    """All phases in their order."""
    empty_mib = fleet.broker.memory_mib()
    start = _switch_on(fleet)
    _steady_hour(fleet)
    restart, outage = _restart_broker(fleet)
    rollout = _roll_out(fleet)
    _burst(fleet)
    failed = fleet.now().failed
    peak_mib, consumer_mib = fleet.peak_mib(), fleet.consumer_mib()
    end = fleet.end()
    connections = functools.partial(_connections, end)
    return Run(
        size=fleet.size,
        phases=fleet.phases,
        started=connections(start.began_s, start),
        down=storm((), end.attempts, outage.down_s, outage.up_s, outage.down_s),
        back=connections(outage.up_s, restart),
        rolled=connections(rollout.began_s, rollout),
        connects=len(end.connects),
        outboxes=end.outboxes,
        missing=checks.missing_from_books(fleet.auditor, end.outboxes),
        failed=failed,
        versions=sum(version == NEW_MODEL for version in fleet.auditor.versions.values()),
        tables={name: checks.in_table(url, end.outboxes) for name, url in fleet.databases.items()},
        unexplained=_missing_in_the_groups_table(fleet, outage),
        kills=[consumer.kills for consumer in fleet.consumers],
        empty_mib=empty_mib,
        peak_mib=peak_mib,
        consumer_mib=consumer_mib,
    )


def _switch_on(fleet: Fleet) -> Phase:
    with fleet.phase("all are switched on at once") as phase:
        fleet.ask("start", "1.0.0")
        _settle_connected(fleet, "all connected")
    return phase


def _steady_hour(fleet: Fleet) -> None:
    size = fleet.size
    with fleet.phase("a steady hour"):
        fleet.ask("pace", size.hour_s / size.changes_per_hour)
        over_s = time.monotonic() + size.hour_s
        time.sleep(size.hour_s / 2)
        fleet.kill_consumers()
        time.sleep(max(0.0, over_s - time.monotonic()))


def _restart_broker(fleet: Fleet) -> tuple[Phase, Outage]:
    with fleet.phase("the broker restarts") as phase:
        fleet.broker.stop()
        down_s = time.time()
        time.sleep(fleet.size.down_s)
        fleet.broker.start()
        up_s = time.time()
        fleet.kill_consumers()
        outage = Outage(down_s, up_s, consumers_up_s=time.time())
        _settle_connected(fleet, "all connected again")
    return phase, outage


def _roll_out(fleet: Fleet) -> Phase:
    with fleet.phase("a new model is rolled out") as phase:
        fleet.ask("roll", NEW_MODEL, fleet.size.roll_s)
        fleet.settle(lambda now: not now.rolling, "rolled out")
        # A box that was restarted last says with its `info`, when it is connected, what it runs.
        _settle_connected(fleet, "all connected with the new model")
    return phase


def _burst(fleet: Fleet) -> None:
    with fleet.phase("every box has much to say at once"):
        fleet.ask("pace", 0.0)
        fleet.ask("burst", fleet.size.burst)
        fleet.settle(lambda now: now.depth == 0, "delivered")
        for url in fleet.databases.values():
            checks.comes_to_rest(functools.partial(checks.rows, url), lambda: time.sleep(1))


def _settle_connected(fleet: Fleet, what: str) -> None:
    fleet.settle(lambda now: now.connected == fleet.size.boxes, what)


def _connections(end: End, from_s: float, phase: Phase) -> Storm:
    """From a Unix time to the end of the phase."""
    until_s = phase.began_s + phase.seconds
    return storm(end.connects, end.attempts, from_s, until_s, from_s)


def _missing_in_the_groups_table(fleet: Fleet, outage: Outage) -> int:
    shared, alone = fleet.databases["shared"], fleet.databases["alone"]
    return checks.missing_outside(shared, alone, outage.down_s - LAG_S, outage.consumers_up_s)
