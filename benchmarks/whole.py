"""`python -m benchmarks.whole [--write]`: the whole agent, as its own process, with a real broker.

Channels are sources of their own, each a TCP stream resampled to the model's rate, scored ten times
a second, every window published with QoS 1. CPU is the process's own time per second of signal.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.inference import classifier, zoo
from benchmarks import document, options
from benchmarks.feeder import Feeder
from benchmarks.fleet.processes import cpu_s
from benchmarks.machine import described, rss_mib
from tests.conftest import Broker
from tests.support import subscribing

MODEL = "bearing"
HOP_S = 0.1
CHANNELS, RATES_HZ = (1, 4, 16), (12_800, 25_600, 51_200)
HEAD = """\
| channels | rate, Hz | CPU, % of a core | RSS (private), MiB | p50, ms | p99, ms | first, s |
|---:|---:|---:|---:|---:|---:|---:|"""


@dataclass(frozen=True)
class Length:
    """Windows of each channel: before anything is counted, and then."""

    warm: int
    measured: int


FULL, QUICK = Length(180, 60), Length(10, 10)  # rings are full after 17 s


@dataclass(frozen=True)
class Row:
    """One size; latency is from a window's last sample to its message at a subscriber."""

    channels: int
    rate_hz: int
    cpu: float
    rss_mib: tuple[float, float]  # all; of it private
    latency_ms: tuple[float, float]
    first_s: float  # from its samples being there to its message

    def __str__(self) -> str:
        (p50, p99), (rss, private) = self.latency_ms, self.rss_mib
        return (
            f"| {self.channels} | {self.rate_hz:,} | {100 * self.cpu:.1f} "
            f"| {rss:.0f} ({private:.0f}) "
            f"| {p50:.0f} | {p99:.0f} | {self.first_s:.2f} |"
        )


class WindowCounter:
    """Counts windows and notes how late they come."""

    def __init__(self, port: int) -> None:
        self.first_s: float | None = None  # monotonic
        self.windows = 0
        self.late_s: list[float] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = subscribing.to("drsn/+/+/window", qos=0)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        now_s, unix_s = time.monotonic(), time.time()
        self.first_s = self.first_s or now_s
        ended = datetime.datetime.fromisoformat(json.loads(message.payload)["t_end"])
        self.windows += 1
        self.late_s.append(unix_s - ended.timestamp())


def main() -> None:
    parser = options.parser("whole", __doc__)
    parser.add_argument(
        "--write", action="store_true", help=f"put the table in {document.PERFORMANCE.name}"
    )
    parser.add_argument("--python", default=sys.executable, help="that runs the agent")
    arguments = parser.parse_args()
    options.refuse_both(parser, arguments)
    length = QUICK if arguments.quick else FULL
    print(f"{described()}\n\n{HEAD}", flush=True)
    rows: list[Row] = []
    for channels in options.first(CHANNELS, arguments.quick, few=2):
        for rate_hz in options.first(RATES_HZ, arguments.quick):
            rows.append(measure(channels, rate_hz, length, arguments.python))
            print(rows[-1], flush=True)
    print(growth(rows))
    if arguments.write:
        document.put("table", "\n".join([described(), "", HEAD, *map(str, rows), "", growth(rows)]))


def growth(rows: list[Row]) -> str:
    """What each channel beyond the first costs, rate by rate."""
    cost = {(row.channels, row.rate_hz): row.cpu for row in rows}
    most, rates_hz = max(row.channels for row in rows), dict.fromkeys(row.rate_hz for row in rows)
    percents = {rate: 100 * (cost[most, rate] - cost[1, rate]) / (most - 1) for rate in rates_hz}
    costs = ", ".join(f"{percent:.1f} % at {rate:,} Hz" for rate, percent in percents.items())
    return f"Each channel beyond the first costs {costs}."


def measure(channels: int, rate_hz: int, length: Length, python: str = sys.executable) -> Row:
    contract = classifier.load(zoo.find(MODEL)).contract
    feeder = Feeder(rate_hz, 1.2 * contract.window / contract.rate_hz)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, _broker(Path(folder)) as port:
        counter = WindowCounter(port)
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(_tree(folder, port, feeder.port, channels, rate_hz)))
        command = [python, "-m", "agent", "run", "--log-level", "ERROR"]
        environment = os.environ | {"MALLOC_ARENA_MAX": "2"}  # as in the unit
        agent = subprocess.Popen([*command, "--config", str(config)], env=environment)
        try:
            _until(counter, channels * length.warm)
            cpu = _cpu_share(agent.pid, counter, feeder, channels * length.measured, channels)
            p50, p99 = np.percentile(counter.late_s, [50, 99]) * 1000
            assert counter.first_s is not None
            first_s = counter.first_s - feeder.accepted_s[0]
            return Row(channels, rate_hz, cpu, rss_mib(agent.pid), (p50, p99), first_s)
        finally:
            agent.terminate()
            agent.wait(20)
            counter.close()
            feeder.close()


def _cpu_share(
    pid: int, counter: WindowCounter, feeder: Feeder, windows: int, channels: int
) -> float:
    """CPU time per second of signal while so many more windows come, of all channels."""
    before, sent, before_s = counter.windows, feeder.sent, cpu_s(pid)
    counter.late_s.clear()
    _until(counter, before + windows)
    used_s = cpu_s(pid) - before_s
    # Where the machine cannot keep up these differ: the smaller gives the higher share.
    scored_s = (counter.windows - before) / channels * HOP_S
    read_s = (feeder.sent - sent) / channels / feeder.rate_hz
    return used_s / min(scored_s, read_s)


def _tree(folder: str, port: int, feed: int, channels: int, rate_hz: int) -> dict[str, object]:
    stream = {"kind": "stream", "url": f"tcp://127.0.0.1:{feed}", "rate_hz": rate_hz}
    source = stream | {"model": MODEL, "hop_s": HOP_S, "publish_windows": True}
    agent = {"id": "bench", "state_dir": f"{folder}/state"}
    sources = [source | {"name": f"channel-{number}"} for number in range(channels)]
    return {"agent": agent, "mqtt": {"port": port}, "sources": sources}


def _until(counter: WindowCounter, windows: int) -> None:
    until_s = time.monotonic() + 300
    while counter.windows < windows:
        if time.monotonic() > until_s:
            raise SystemExit(f"found {counter.windows} windows after 300 s, expected {windows}")
        time.sleep(0.02)


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    broker = Broker(folder, extra="allow_anonymous true\nmax_queued_messages 0\n").start()
    try:
        yield broker.port
    finally:
        broker.stop()


if __name__ == "__main__":
    main()
