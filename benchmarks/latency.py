"""`python -m benchmarks.latency`: from a sensor's last sample to the broker's answer, by stage.

Channels are `stream` sources over TCP in blocks of 5 ms, out of step, each with windows every
0.1 s. A window's last sample is taken at its index over the rate after the channel's frame 0.
Three stages end: when the sample has arrived (its block, then the resampler), when the window is
scored and queued, when a subscriber has the message, which the broker sends on when it sends the
PUBACK. `--baseline FOLDER` is a checkout of an earlier commit; both run in turn. `--fsync-ms`
makes every fsync of the agent take so long, by a preloaded library.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import document, options
from benchmarks.fleet.processes import cpu_s
from benchmarks.live_feeder import Sensors, Signal
from benchmarks.machine import described, rss_mib
from tests.conftest import Broker
from tests.support import subscribing, tiny

HOP_S, BLOCK_S, RATE_HZ, MODEL = 0.1, 0.005, 51_200, "bearing"
ALTERNATE_S = 0.5  # of a quiet signal, then a loud one, where changes are published
WARM_S = 4.0  # before anything is counted
HERE = Path(__file__).parents[1]
# Without TCP_NODELAY the broker holds a message back until the subscriber's last acknowledgement.
BROKER = "allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n"
HEAD = (
    *("agent", "channels", "n", "p50, ms", "p90, ms", "p99, ms"),
    *("arrived, p99", "queued, p99", "answered, p99"),
    *("CPU, %", "RSS, MiB", "MB written a day"),
)
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static int slow(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep(1000 * atoi(getenv("FSYNC_MS")));
    return real(fd);
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
"""


@dataclass
class Run:
    """What one run of an agent gave; the latencies in ms, of every message."""

    total: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # shares of a core
    rss_mib: list[float] = field(default_factory=list)
    written_a_day: list[float] = field(default_factory=list)  # MB

    def row(self, name: str, channels: int) -> tuple[str, ...]:
        if not self.total:
            raise SystemExit(
                f"{name}, {channels} channels: found no message in time, expected some"
            )
        totals = (f"{value:.1f}" for value in np.percentile(self.total, [50, 90, 99]))
        stages = (self.arrived, self.queued, self.answered)
        means = (f"{statistics.mean(x):.1f}, {np.percentile(x, 99):.1f}" for x in stages)
        cpu, rss, written = map(statistics.median, (self.cpu, self.rss_mib, self.written_a_day))
        return (
            name,
            str(channels),
            f"{len(self.total):,}",
            *totals,
            *means,
            f"{100 * cpu:.1f}",
            f"{rss:.0f}",
            f"{written:,.0f}",
        )


class Arrivals:
    """Notes when each message of a window arrives at a subscriber."""

    def __init__(self, port: int, topic: str) -> None:
        self.messages: list[tuple[float, float, bytes]] = []  # monotonic, Unix, payload
        self.late: set[int] = set()  # channels whose frames the agent had to count as lost
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = subscribing.to(f"drsn/+/+/{topic}", qos=0)
        self._client.on_message = lambda _c, _d, message: self.messages.append(
            (time.monotonic(), time.time(), bytes(message.payload))
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def main() -> None:
    parser = options.parser("latency", __doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rate-hz", type=int, default=RATE_HZ)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run (%(default)g)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each agent (%(default)d)")
    parser.add_argument("--baseline", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--fsync-ms", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, default=HERE, help="on whose disk the outbox is (%(default)s)"
    )
    parser.add_argument("--changes", action="store_true", help="publish changes only")
    parser.add_argument("--in-step", action="store_true", help="all channels begin at once")
    parser.add_argument(
        "--real-time", action="store_true", help="before all else on a shared machine; as root"
    )
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    arguments = parser.parse_args()
    options.refuse_both(parser, arguments)
    if arguments.real_time:  # inherited by the agent, the broker and the sensors
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    agents = {"this": HERE} | ({"baseline": arguments.baseline} if arguments.baseline else {})
    rows = []
    for channels in options.first(arguments.channels, arguments.quick):
        runs = {name: Run() for name in agents}
        for _ in range(1 if arguments.quick else arguments.rounds):
            for name, folder in agents.items():
                measure(runs[name], folder, channels, arguments)
        rows += [run.row(name, channels) for name, run in runs.items()]
    text = f"{described()} {_conditions(arguments)}\n\n{document.table(HEAD, rows)}"
    print(text)
    if arguments.write:
        document.put("latency", text)


def _conditions(arguments: argparse.Namespace) -> str:
    step = "in step" if arguments.in_step else "out of step"
    shared = " Real-time priority: the machine is shared." if arguments.real_time else ""
    return (
        f"{arguments.rate_hz:,} Hz, hop {HOP_S:g} s, {_published(arguments)} published, channels "
        f"{step}, {arguments.rounds} rounds in turn. "
        f"{_disk(arguments.folder, arguments.fsync_ms)}{shared}"
    )


def _disk(folder: Path, longer_ms: int) -> str:
    """What an fsync of 16 KiB takes where the outbox is, after the runs, in a sentence."""
    times_ms = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            file.write(bytes(1 << 14))
            file.flush()
            began_s = time.monotonic()
            os.fdatasync(file.fileno())
            times_ms.append(1000 * (time.monotonic() - began_s))
    p50, p99 = np.percentile(times_ms, [50, 99])
    longer = f", and {longer_ms} ms longer by a preloaded library" if longer_ms else ""
    memory = " in memory" if folder.is_relative_to("/dev/shm") else ""
    return f"An fsync{memory} takes {p50:.1f} ms (p99 {p99:.1f}){longer}."


def _published(arguments: argparse.Namespace) -> str:
    return "a model of loudness, changes" if arguments.changes else f"`{MODEL}`, every window"


def measure(run: Run, folder: Path, channels: int, arguments: argparse.Namespace) -> None:
    """Adds one run of the agent in that checkout."""
    seconds = 2.0 if arguments.quick else arguments.seconds
    stagger_s = 0.0 if arguments.in_step else HOP_S / channels
    alternate_s = ALTERNATE_S if arguments.changes else 0.0
    signal = Signal(arguments.rate_hz, BLOCK_S, stagger_s, alternate_s)
    sensors = Sensors(signal, channels)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        state = Path(temporary)
        broker = Broker(state, extra=BROKER).start()
        arrivals = Arrivals(broker.port, "event" if arguments.changes else "window")
        try:
            tree = _tree(state, broker.port, sensors.ports, arguments)
            with _agent(folder, state, tree, arguments.fsync_ms) as pid:
                time.sleep(WARM_S)
                _take(run, pid, arrivals, sensors, seconds)
        finally:
            arrivals.close()
            broker.stop()
            sensors.close()


def _take(run: Run, pid: int, arrivals: Arrivals, sensors: Sensors, seconds: float) -> None:
    arrivals.messages.clear()
    before_s, written, began_s = cpu_s(pid), _written(pid), time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began_s
    run.cpu.append((cpu_s(pid) - before_s) / took_s)
    run.written_a_day.append((_written(pid) - written) / took_s * 86400 / 1e6)
    run.rss_mib.append(rss_mib(pid)[0])
    for now_s, unix_s, payload in list(arrivals.messages):
        record = json.loads(payload)
        channel = int(record["source"].rpartition("-")[2])
        if channel in arrivals.late or record["flags"]:  # its frames were late: the index is not
            arrivals.late.add(channel)  # the time from then on
            continue
        last = (record["first_sample"] + record["n_samples"] - 1) / record["rate_hz"]
        published_s = datetime.fromisoformat(record["t_published"]).timestamp() + 0.0005
        total_ms = 1000 * (now_s - sensors.began_s[channel] - last)
        answered_ms = 1000 * (unix_s - published_s)
        run.total.append(total_ms)
        run.answered.append(answered_ms)
        run.queued.append(record["latency_ms"])
        run.arrived.append(total_ms - answered_ms - record["latency_ms"])


def _written(pid: int) -> int:
    """Bytes that a process has had written to disks so far."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _tree(
    state: Path, port: int, ports: list[int], arguments: argparse.Namespace
) -> dict[str, object]:
    scored: dict[str, object] = {"model": MODEL, "publish_windows": True}
    if arguments.changes:
        loudness = tiny.contract(rate_hz=10_000.0, window=2048)
        model = tiny.write(state / "loudness.onnx", loudness)
        scored = {"model": str(model), "scale": 10.0, "decide": {"patience": 1}}
    sources = [
        {
            "name": f"channel-{channel}",
            "kind": "stream",
            "url": f"tcp://127.0.0.1:{stream}",
            "rate_hz": arguments.rate_hz,
            "hop_s": HOP_S,
        }
        | scored
        for channel, stream in enumerate(ports)
    ]
    agent = {"id": "bench", "state_dir": f"{state}/state"}
    return {"agent": agent, "mqtt": {"port": port}, "sources": sources}


@contextmanager
def _agent(folder: Path, state: Path, tree: dict[str, object], fsync_ms: int) -> Iterator[int]:
    config = state / "config.json"
    config.write_text(json.dumps(tree))
    environment = os.environ | {"MALLOC_ARENA_MAX": "2", "PYTHONPATH": str(folder)}
    if fsync_ms:
        (state / "shim.c").write_text(SHIM)
        shim = state / "shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, state / "shim.c"], check=True)
        environment |= {"LD_PRELOAD": str(shim), "FSYNC_MS": str(fsync_ms)}
    command = [sys.executable, "-m", "agent", "run", "--log-level", "ERROR"]
    process = subprocess.Popen([*command, "--config", str(config)], env=environment, cwd=folder)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
