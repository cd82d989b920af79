"""`python -m benchmarks.fleet [--boxes N] [--write]`: a fleet against one broker, counted.

Needs mosquitto and postgresql. Everything runs on loopback; outboxes, the broker's and the
database's files are in memory (/dev/shm), since a thousand boxes do not share a disk. `--write`
puts the tables into docs/SCALE.md.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fleet import checks, report
from benchmarks.fleet.fleet import Fleet, Phase, Size
from benchmarks.fleet.processes import free_port
from benchmarks.fleet.report import Run
from benchmarks.fleet.storm import storm
from tests.support.postgres import MEMORY, server

LAG_S = 10.0  # what was put so long before the broker stopped may have been sent after it was back


def main() -> int:
    size, write = _arguments()
    with (
        server() as postgres,
        tempfile.TemporaryDirectory(prefix="drsn-fleet-", dir=MEMORY) as folder,
        Fleet(size, Path(folder), free_port(), postgres) as fleet,
    ):
        run = _run(fleet)
    text = report.tables(run)
    print(text)
    if write:
        report.write(text)
    return 0 if run.well else 1


def _run(fleet: Fleet) -> Run:
    size = fleet.size
    empty_mib = fleet.broker.memory_mib()
    with fleet.phase("all are switched on at once") as start:
        fleet.ask("start", "1.0.0")
        fleet.settle(lambda now: now.connected == size.boxes, "all connected")
    with fleet.phase("a steady hour"):
        fleet.ask("pace", size.hour_s / size.changes_per_hour)
        over_s = time.monotonic() + size.hour_s
        time.sleep(size.hour_s / 2)
        fleet.kill_consumers()
        time.sleep(max(0.0, over_s - time.monotonic()))
    with fleet.phase("the broker restarts") as restart:
        fleet.broker.stop()
        down_s = time.time()
        time.sleep(size.down_s)
        fleet.broker.start()
        up_s = time.time()
        fleet.kill_consumers()
        listening_s = time.time()
        fleet.settle(lambda now: now.connected == size.boxes, "all connected again")
    with fleet.phase("a new model is rolled out") as roll:
        fleet.ask("roll", "2.0.0", size.roll_s)
        fleet.settle(lambda now: not now.rolling, "rolled out")
    with fleet.phase("every box has much to say at once"):
        fleet.ask("pace", 0.0)
        fleet.ask("burst", size.burst)
        fleet.settle(lambda now: now.depth == 0, "delivered")
        for url in fleet.databases.values():
            checks.comes_to_rest(lambda url=url: checks.rows(url), lambda: time.sleep(1))
    failed = fleet.now().failed
    peak_mib, consumer_mib = fleet.peak_mib(), fleet.consumer_mib()
    end = fleet.end()
    return Run(
        size=size,
        phases=fleet.phases,
        started=storm(end.connects, end.attempts, start.began_s, _until(start), start.began_s),
        down=storm((), end.attempts, down_s, up_s, down_s),
        back=storm(end.connects, end.attempts, up_s, _until(restart), up_s),
        rolled=storm(end.connects, end.attempts, roll.began_s, _until(roll), roll.began_s),
        connects=len(end.connects),
        missing=checks.missing_from_books(fleet.auditor, end.said),
        given=sum(each.last_seq for each in end.said),
        dropped=sum(each.dropped + each.parked for each in end.said),
        epochs=len({each.epoch for each in end.said}),
        failed=failed,
        versions=sum(version == "2.0.0" for version in fleet.auditor.versions.values()),
        tables={name: checks.in_table(url, end.said) for name, url in fleet.databases.items()},
        unexplained=checks.missing_outside(
            fleet.databases["shared"], fleet.databases["alone"], down_s - LAG_S, listening_s
        ),
        kills=[consumer.kills for consumer in fleet.consumers],
        empty_mib=empty_mib,
        peak_mib=peak_mib,
        consumer_mib=consumer_mib,
    )


def _until(phase: Phase) -> float:
    return phase.began_s + phase.seconds


def _arguments() -> tuple[Size, bool]:
    parser = argparse.ArgumentParser("python -m benchmarks.fleet", description=__doc__)
    for each in dataclasses.fields(Size):
        flag = f"--{each.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(each.default), default=each.default)
    parser.add_argument("--write", action="store_true", help="put the tables in the document")
    given = vars(parser.parse_args())
    write = given.pop("write")
    return Size(**given), write


if __name__ == "__main__":
    sys.exit(main())
