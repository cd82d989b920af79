"""`python -m tests.delivery.trends.four_hundred_days`: a box's trends after 400 simulated days.

One measurement a minute in the last days, which minutes are kept of, and one an hour before. Prints
the file's bytes, the time of a query and the processor's share; 1 where a promise is broken.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import msgspec

from agent.delivery.trends import reading
from agent.delivery.trends.recorder import TrendRecorder
from tests.support.measured import measurement

BEGIN_S = 1_700_000_000 // 86400 * 86400
DAYS = 400
MOST_QUERY_S = 0.2
MOST_SHARE = 0.01  # of a core
QUERIES: dict[str, tuple[reading.Span, int]] = {
    "30 days": ("day", 30),
    "400 days": ("day", 400),
    "2 days by the hour": ("hour", 2),
    "30 days by the hour": ("hour", 30),
    "1 day by the minute": ("minute", 1),
}


class Outcome(msgspec.Struct, frozen=True):
    """What the simulated box shows."""

    most_bytes: int  # of the file and what stands beside it, at any time
    write_us: float  # processor time of one source's minute
    query_s: dict[str, float]  # the median of five, with the process at work
    rows: dict[reading.Span, int]  # of one source, by table


def simulate(folder: Path, sources: int, minutely_days: int, max_mib: float) -> Outcome:
    """Fills a file with `DAYS` days of that many sources and queries it."""
    now_s = 0.0
    trends = TrendRecorder(folder / "t.sqlite", round(max_mib * 2**20), clock_s=lambda: now_s)
    coarse = range(0, (DAYS - minutely_days) * 86400, 3600)
    fine = range((DAYS - minutely_days) * 86400, DAYS * 86400, 60)
    most_bytes = written = 0
    used_s = 0.0
    for moment in (*coarse, *fine):
        records = [measurement(BEGIN_S + moment, source=f"m{at}") for at in range(sources)]
        began_s = time.process_time()
        for record in records:
            trends.add(record)
        if written % 480 == 0:  # a transaction of nearly the most rows, where an agent has many
            now_s += 60
            trends.turn()
        used_s += time.process_time() - began_s
        written += sources
        if moment % 86400 == 0:
            most_bytes = max(most_bytes, sum(file.stat().st_size for file in folder.iterdir()))
    trends.close()
    path = folder / "t.sqlite"
    rows = {span: len(reading.read(path, "m0", span, 0).points) for span in get_args(reading.Span)}
    queries = {name: _median_s(path, *query) for name, query in QUERIES.items()}
    return Outcome(most_bytes, used_s / written * 1e6, queries, rows)


def _median_s(path: Path, span: reading.Span, days: int) -> float:
    times = []
    for _ in range(5):
        began_s = time.process_time()
        reading.read(path, "m0", span, BEGIN_S + (DAYS - days) * 86400)
        times.append(time.process_time() - began_s)
    return statistics.median(times)


def broken_promises(outcome: Outcome, sources: int, max_mib: float) -> list[str]:
    """In words; empty where all hold."""
    slow = {name: taken for name, taken in outcome.query_s.items() if taken > MOST_QUERY_S}
    broken = [f"{name}: {taken:.3f} s" for name, taken in slow.items()]
    if outcome.most_bytes > max_mib * 2**20:
        broken.append(f"{outcome.most_bytes} bytes")
    if outcome.write_us * sources > MOST_SHARE * 60e6:
        broken.append(f"{outcome.write_us:.0f} us for a source's minute")
    if outcome.rows["day"] != DAYS or outcome.rows["hour"] != DAYS * 24:
        broken.append(f"rows: {outcome.rows}")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser("four_hundred_days", description=__doc__)
    parser.add_argument("--sources", type=int, default=16)
    parser.add_argument("--minutely-days", type=int, default=40)
    parser.add_argument("--max-mib", type=float, default=128.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = simulate(
            Path(folder), arguments.sources, arguments.minutely_days, arguments.max_mib
        )
    print(f"{outcome.most_bytes / 2**20:.1f} MiB at most; rows of one source: {outcome.rows}")
    share = outcome.write_us * arguments.sources / 60e6
    print(f"{outcome.write_us:.0f} us a source and minute: {share:.4%} of a core")
    for name, taken in outcome.query_s.items():
        print(f"{name}: {taken * 1e3:.0f} ms of processor time")
    broken = broken_promises(outcome, arguments.sources, arguments.max_mib)
    print("\n".join(broken) or "every promise holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
