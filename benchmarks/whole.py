"""`python -m benchmarks.whole [--write]`: the whole agent, as its own process, with a real broker.

Channels are sources of their own, each a TCP stream resampled to the model's rate, scored ten times
a second, every window published with QoS 1. CPU is the process's own time per second of signal.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.inference import classifier, zoo
from benchmarks.feeder import Feeder

MODEL = "bearing"
HOP_S = 0.1
WARM, MEASURED = 180, 60  # windows of each channel; rings are full after 17 s
CHANNELS, RATES_HZ = (1, 4, 16), (12_800, 25_600, 51_200)
DOCUMENT = Path(__file__).parents[1] / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
HEAD = """\
| channels | rate, Hz | CPU, % of a core | RSS (private), MiB | p50, ms | p99, ms | first, s |
|---:|---:|---:|---:|---:|---:|---:|"""


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


class Ear:
    """Counts windows and notes how late they come."""

    def __init__(self, port: int) -> None:
        self.first_s: float | None = None  # monotonic
        self.windows = 0
        self.late_s: list[float] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("drsn/+/+/window", 0)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        now_s, unix_s = time.monotonic(), time.time()
        self.first_s = self.first_s or now_s
        ended = datetime.datetime.fromisoformat(json.loads(message.payload)["t_end"])
        self.windows += 1
        self.late_s.append(unix_s - ended.timestamp())


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.whole", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the table in {DOCUMENT.name}")
    parser.add_argument("--python", default=sys.executable, help="that runs the agent")
    given = parser.parse_args()
    print(f"{_machine()}\n\n{HEAD}", flush=True)
    rows: list[Row] = []
    for channels in CHANNELS:
        for rate_hz in RATES_HZ:
            rows.append(measure(channels, rate_hz, given.python))
            print(rows[-1], flush=True)
    print(growth(rows))
    if given.write:
        _write("\n".join([_machine(), "", HEAD, *map(str, rows), "", growth(rows)]))


def growth(rows: list[Row]) -> str:
    """What each channel beyond the first costs, rate by rate."""
    cost = {(row.channels, row.rate_hz): row.cpu for row in rows}
    most = max(CHANNELS)
    each = [100 * (cost[most, rate] - cost[1, rate]) / (most - 1) for rate in RATES_HZ]
    told = [f"{cpu:.1f} % at {rate:,} Hz" for cpu, rate in zip(each, RATES_HZ, strict=True)]
    return f"Each channel beyond the first costs {', '.join(told)}."


def measure(channels: int, rate_hz: int, python: str = sys.executable) -> Row:
    contract = classifier.load(zoo.find(MODEL)).contract
    feeder = Feeder(rate_hz, 1.2 * contract.window / contract.rate_hz)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, _broker(Path(folder)) as port:
        ear = Ear(port)
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(_tree(folder, port, feeder.port, channels, rate_hz)))
        command = [python, "-m", "agent", "run", "--log-level", "ERROR"]
        environment = os.environ | {"MALLOC_ARENA_MAX": "2"}  # as in the unit
        agent = subprocess.Popen([*command, "--config", str(config)], env=environment)
        try:
            _until(ear, channels * WARM)
            began, sent, before_s = ear.windows, feeder.sent, _cpu_s(agent.pid)
            ear.late_s.clear()
            _until(ear, began + channels * MEASURED)
            used_s = _cpu_s(agent.pid) - before_s
            # Where the machine cannot keep up these differ: the smaller gives the higher share.
            scored_s = (ear.windows - began) / channels * HOP_S
            read_s = (feeder.sent - sent) / channels / rate_hz
            cpu = used_s / min(scored_s, read_s)
            p50, p99 = np.percentile(ear.late_s, [50, 99]) * 1000
            assert ear.first_s is not None
            first_s = ear.first_s - feeder.accepted_s[0]
            return Row(channels, rate_hz, cpu, _rss_mib(agent.pid), (p50, p99), first_s)
        finally:
            agent.terminate()
            agent.wait(20)
            ear.close()
            feeder.close()


def _tree(folder: str, port: int, feed: int, channels: int, rate_hz: int) -> dict[str, object]:
    stream = {"kind": "stream", "url": f"tcp://127.0.0.1:{feed}", "rate_hz": rate_hz}
    source = stream | {"model": MODEL, "hop_s": HOP_S, "publish_windows": True}
    agent = {"id": "bench", "state_dir": f"{folder}/state"}
    sources = [source | {"name": f"channel-{number}"} for number in range(channels)]
    return {"agent": agent, "mqtt": {"port": port}, "sources": sources}


def _until(ear: Ear, windows: int) -> None:
    until_s = time.monotonic() + 300
    while ear.windows < windows:
        if time.monotonic() > until_s:
            raise SystemExit(f"heard {ear.windows} windows in 300 s, expected {windows}")
        time.sleep(0.02)


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    from tests.conftest import Broker

    broker = Broker(folder, extra="allow_anonymous true\nmax_queued_messages 0\n").start()
    try:
        yield broker.port
    finally:
        broker.stop()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mib(pid: int) -> tuple[float, float]:
    """All of it, and what no file backs."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {line.partition(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return int(kib["VmRSS"]) / 1024, int(kib["RssAnon"]) / 1024


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"({names[0] if names else platform.machine()}), load {os.getloadavg()[1]:.1f}, "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}."
    )


def _write(table: str) -> None:
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{BEGIN}{table}\n{END}{tail}")


if __name__ == "__main__":
    main()
