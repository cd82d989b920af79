"""The run as tables in Markdown."""

import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.document import DOCS
from benchmarks.fleet.box import OutboxTotals
from benchmarks.fleet.checks import Kept
from benchmarks.fleet.fleet import Phase, Size
from benchmarks.fleet.storm import BUCKET_S, Storm

PARTS = {"boxes": "boxes", "broker": "broker", "alone": "consumer", "postgres": "PostgreSQL"}


@dataclass(frozen=True)
class Run:
    """All that was counted."""

    size: Size
    phases: Sequence[Phase]
    started: Storm
    down: Storm
    back: Storm
    rolled: Storm
    connects: int
    outboxes: Sequence[OutboxTotals]
    missing: int  # numbers that the auditor never heard
    failed: int
    versions: int  # boxes whose last `info` has the new model
    tables: dict[str, Kept]
    unexplained: int  # missing in the group's table, and not of the time of the restart
    kills: Sequence[int]
    empty_mib: float
    peak_mib: float
    consumer_mib: float

    @property
    def sent(self) -> int:
        """Messages that the outboxes have given out."""
        return sum(outbox.last_seq for outbox in self.outboxes)

    @property
    def dropped(self) -> int:
        return sum(outbox.dropped + outbox.parked for outbox in self.outboxes)

    @property
    def epochs(self) -> int:
        return len({outbox.epoch for outbox in self.outboxes})

    @property
    def duplicates(self) -> int:
        return sum(phase.duplicates for phase in self.phases)

    @property
    def well(self) -> bool:
        """The group is not judged: mosquitto loses what is its at a restart; see the document."""
        nothing_lost = not (self.missing or self.dropped or self.failed)
        rolled_out = self.versions == self.epochs == self.size.boxes
        return nothing_lost and rolled_out and self.tables["alone"].each_once


def tables(run: Run) -> str:
    return "\n".join(
        [_machine(), "", *_verdicts(run), "", *_phases(run), "", *_storms(run), "", *_tables(run)]
    )


def _verdicts(run: Run) -> Iterable[str]:
    size, last = run.size, run.phases[-1]
    mib = (run.phases[0].broker_mib - run.empty_mib) / size.boxes
    return _table(
        ("what", "count"),
        ("boxes, each a session of its own", size.boxes),
        ("messages given out by their outboxes (event, state)", run.sent),
        ("of them never heard by a subscriber", run.missing),
        ("dropped or set aside by an outbox", run.dropped),
        ("heard a second time", run.duplicates),
        ("epochs (one a box: a restart goes on where it was)", run.epochs),
        ("connections", run.connects),
        ("boxes whose `info` names the new model", run.versions),
        ("senders that failed", run.failed),
        ("missing in the group's table, of another time than the restart", run.unexplained),
        (
            "broker: memory without, with all boxes, at most",
            f"{run.empty_mib:.1f}, "
            f"{run.phases[0].broker_mib:.1f}, {run.peak_mib:.1f} MiB: {1024 * mib:.1f} KiB a box",
        ),
        ("a consumer's memory", f"{run.consumer_mib:.0f} MiB"),
        ("CPU time per 1,000 messages, when all have much to say", _per_thousand(last)),
    )


def _per_thousand(phase: Phase) -> str:
    shares = {PARTS[key]: 1e6 * phase.cpu_s[key] / max(1, phase.messages) for key in PARTS}
    return ", ".join(f"{name} {ms:.0f} ms" for name, ms in shares.items())


def _phases(run: Run) -> Iterable[str]:
    rows = [
        (
            phase.name,
            round(phase.seconds),
            phase.messages,
            phase.duplicates,
            *(round(phase.cpu_s[key], 1) for key in ("boxes", "broker", "alone", "shared")),
            round(phase.cpu_s["postgres"], 1),
            round(phase.broker_mib, 1),
        )
        for phase in run.phases
    ]
    heads = ("phase", "s", "messages", "twice", "CPU s: boxes", "broker", "consumer")
    return _table((*heads, "group of two", "PostgreSQL", "broker MiB"), *rows)


def _storms(run: Run) -> Iterable[str]:
    named = {
        "all are switched on at once": run.started,
        f"the broker comes back after {run.size.down_s:g} s": run.back,
        f"restarted one after another over {run.size.roll_s:g} s": run.rolled,
    }
    rows = [
        (
            name,
            storm.attempts,
            storm.connects,
            storm.peak_per_s,
            *(round(s, 1) for s in (storm.half_s, storm.most_s, storm.all_s)),
            " ".join(map(str, storm.buckets)),
        )
        for name, storm in named.items()
    ]
    down = (f"while the broker was down ({run.size.down_s:g} s)", run.down.attempts, 0, *["-"] * 5)
    heads = ("", "attempts", "connections", "most in 1 s", "half after s", "99 %", "all")
    return _table((*heads, f"connections in each {BUCKET_S} s"), *rows[:1], down, *rows[1:])


def _tables(run: Run) -> Iterable[str]:
    kills = {"alone": run.kills[0], "shared": sum(run.kills[1:])}
    names = {"alone": "one consumer, no group", "shared": "two in a group, one of them killed"}
    rows = [
        (
            names[name],
            kills[name],
            kept.sent,
            kept.rows,
            kept.twice,
            kept.missing,
            kept.unknown,
            round(kept.bytes_each),
        )
        for name, kept in run.tables.items()
    ]
    heads = ("table of", "killed (-9)", "given out", "rows", "twice", "missing", "unknown")
    return _table((*heads, "bytes a row, with indices"), *rows)


def _table(head: Sequence[object], *rows: Sequence[object]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(_shown, line))} |" for line in lines]


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, commit {_commit()}: {os.cpu_count()} "
        f"cores ({cpu[1] if cpu else platform.machine()}), "
        f"{int(memory[1]) / 2**20 if memory else 0:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{_version(broker, '-h')}, {_version('psql', '--version')}; load average at the end "
        f"{os.getloadavg()[1]:.1f}. Command: `python -m benchmarks.fleet"
        f"{''.join(f' {argument}' for argument in sys.argv[1:])}`."
    )


def _version(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0].replace("version ", "")


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=DOCS,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
