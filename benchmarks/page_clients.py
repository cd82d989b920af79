"""What many browsers at the page cost: 32 of them beside an agent of 16 sources.

    python -m benchmarks.page_clients [SECONDS [ROUNDS]]

Half of the browsers ask as the overview does, half as the view of a machine does, at their own
pace. Rounds without and with them take turns, of one and the same agent; percent of one core.
Beside it the memory of an agent of one source, before and after a browser has asked for everything.
"""

import argparse
import contextlib
import http.client
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.fleet.processes import cpu_s, free_port, listens, wait_for
from benchmarks.machine import described, rss_mib

CLIENTS, SOURCES = 32, 16
HOP_S = 0.2
START_S, SETTLE_S = 60.0, 8.0
MEMORY_S = 25.0  # until the ring is full
# Path and seconds between two questions; {} is a source. As in views/overview.js and machine.js.
OVERVIEW = (("overview", 2.0), ("week", 120.0))
MACHINE = (
    ("machine?source={}", 2.0),
    ("spectrum?source={}", 5.0),
    ("waterfall?source={}", 5.0),
    ("trends?source={}", 60.0),
)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.page_clients", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=20.0)
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    options = parser.parse_args()
    print(described())
    quiet, busy, failed = _shares(options.seconds, options.rounds)
    extra = [with_clients - without for without, with_clients in zip(quiet, busy, strict=True)]
    print(f"{SOURCES} sources                 {_row(quiet)} % of a core")
    print(f"{SOURCES} sources, {CLIENTS} browsers    {_row(busy)} %")
    print(f"for the browsers           {_row(extra)} %; {failed} questions without an answer")
    before, after = _memory(min(MEMORY_S, 2 * options.seconds))
    print(
        f"1 source, MiB of RSS       {before:.0f}, and {after:.0f} after a browser has been there"
    )


def _row(shares: list[float]) -> str:
    return f"{statistics.median(shares):5.1f} ({min(shares):.1f} to {max(shares):.1f})"


def _shares(seconds: float, rounds: int) -> tuple[list[float], list[float], int]:
    """Of rounds without and with browsers, and how many of their questions failed."""
    quiet, busy, failed = [], [], 0
    with _agent(SOURCES) as (pid, port):
        time.sleep(min(SETTLE_S, seconds))
        for _ in range(rounds):
            quiet.append(_share(pid, seconds))
            with _browsers(port) as failures:
                time.sleep(min(SETTLE_S, seconds))  # each has asked once
                busy.append(_share(pid, seconds))
            failed += len(failures)
    return quiet, busy, failed


def _share(pid: int, seconds: float) -> float:
    """Percent of a core over the next seconds."""
    before_s, began_s = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_s(pid) - before_s) / (time.monotonic() - began_s)


def _memory(settle_s: float) -> tuple[float, float]:
    """RSS in MiB of an agent of one source: nobody looks, everything was looked at."""
    with _agent(1) as (pid, port):
        time.sleep(settle_s)
        before = rss_mib(pid)[0]
        for path, _ in (*OVERVIEW, *MACHINE):
            _ask(port, path.format("source-0"))
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as live:
            live.request("GET", "/api/stream?source=source-0")
            answer = live.getresponse()
            for _ in range(60):  # lines: some seconds of frames
                answer.readline()
        return before, rss_mib(pid)[0]


@contextlib.contextmanager
def _agent(sources: int) -> Iterator[tuple[int, int]]:
    """Process id and the page's port of an agent with that many simulated machines."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(_settings(Path(folder), port, sources)))
        command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
        env = os.environ | {"MALLOC_ARENA_MAX": "2"}  # as the unit and the container set it
        log = (Path(folder) / "log").open("wb")
        with log, subprocess.Popen(command, stderr=log, env=env) as process:
            try:
                wait_for(lambda: listens(port), START_S, "the page listens")
                yield process.pid, port
            finally:
                process.terminate()


def _settings(folder: Path, port: int, sources: int) -> dict[str, object]:
    """No broker is there: what is published waits in the outbox."""
    machine = {"kind": "synth", "model": "bearing", "hop_s": HOP_S, "unit": "m/s2", "rpm": 1797}
    scenario = [{"duration_s": 86400}]
    bearing = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
    common = machine | {"scenario": scenario, "bearing": bearing, "machine_class": "group2-rigid"}
    return {
        "agent": {"state_dir": str(folder / "state")},
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
        "page": {"port": port},
        "sources": [common | {"name": f"source-{at}", "seed": at} for at in range(sources)],
    }


@contextlib.contextmanager
def _browsers(port: int) -> Iterator[list[str]]:
    """`CLIENTS` threads that ask until the end; yields the questions that had no answer."""
    ended = threading.Event()
    failures: list[str] = []
    threads = [
        threading.Thread(target=_browse, args=(port, at, ended, failures)) for at in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _browse(port: int, number: int, ended: threading.Event, failures: list[str]) -> None:
    source = f"source-{number % SOURCES}"
    questions = [
        (path.format(source), every_s) for path, every_s in (OVERVIEW, MACHINE)[number % 2]
    ]
    due_s = {path: time.monotonic() + number * 2.0 / CLIENTS for path, _ in questions}
    for path, every_s in itertools.cycle(questions):
        if ended.wait(0.05):
            return
        if time.monotonic() >= due_s[path]:
            due_s[path] += every_s
            if not _ask(port, path):
                failures.append(path)


def _ask(port: int, path: str) -> bool:
    """Whether it was answered; trends are not there in an agent's first minute (status 422)."""
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as agent:
            agent.request("GET", f"/api/{path}")
            answer = agent.getresponse()
            answer.read()
            return answer.status in (200, 422)
    except OSError:
        return False


if __name__ == "__main__":
    main()
