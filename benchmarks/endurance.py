"""`python -m benchmarks.endurance`: a day of simulated signal as fast as the agent takes it.

A simulated machine at `pace: fast` runs through healthy and faulty hours. A subscriber keeps the
books. Every minute of the run shows memory, open files and counters; at the end each window is
there once, on the grid of the hop, its time is its index over the rate, no sequence number is
missing, and memory has not grown since the first tenth. Exit code 1 where one of these is not so.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import document, options
from benchmarks.fleet.processes import cpu_s
from benchmarks.machine import described, rss_mib
from tests.conftest import Broker
from tests.support import subscribing

RATE_HZ, WINDOW, HOP_S = 10_000.0, 4096, 0.1  # of `bearing`
PHASE_S = 600.0  # of one state of the machine
LOOK_S = 5.0
GROWTH_MIB = 3.0  # at most, from a tenth of the run to its end
LEAST_LOOKS = 20  # at the memory, for a growth that is none of the start's
HEAD = ("simulated, h", "took, s", "windows", "events", "RSS, MiB: tenth, end", "CPU, s", "amiss")


@dataclass
class Books:
    """What a subscriber was sent; the windows in order."""

    numbers: set[int] = field(default_factory=set)
    windows: int = 0
    events: int = 0
    off_grid: int = 0  # windows that do not begin a hop behind the one before
    drift_s: float = 0.0  # the largest difference of a window's time to its index
    health: dict[str, Any] = field(default_factory=dict)
    _began_s: float | None = None

    def note(self, topic: str, payload: bytes) -> None:
        record = json.loads(payload)
        if topic == "health":
            self.health = record
            return
        if record["seq"] in self.numbers:
            return
        self.numbers.add(record["seq"])
        self.events += topic == "event"
        if topic == "window":
            self._note_window(record)

    def _note_window(self, record: dict[str, Any]) -> None:
        self.off_grid += record["first_sample"] != self.windows * round(HOP_S * RATE_HZ)
        self.windows += 1
        start_s = datetime.fromisoformat(record["t_start"]).timestamp()
        index_s = record["first_sample"] / RATE_HZ
        self._began_s = start_s - index_s if self._began_s is None else self._began_s
        self.drift_s = max(self.drift_s, abs(start_s - index_s - self._began_s))


def main() -> None:
    parser = options.parser("endurance", __doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="of signal (%(default)g)")
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    arguments = parser.parse_args()
    options.refuse_both(parser, arguments)
    row = run(0.05 if arguments.quick else arguments.hours)
    text = f"{described()}\n\n{document.table(HEAD, [row])}"
    print(text)
    if arguments.write:
        document.put("endurance", text)
    if row[-1] != "nothing":
        raise SystemExit(1)


def run(hours: float) -> tuple[str, ...]:
    """One run of so many hours of signal, as a row of the table."""
    books = Books()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        extra = "allow_anonymous true\nmax_queued_messages 0\n"
        broker = Broker(Path(folder), extra=extra).start()
        client = _subscribed(broker.port, books)
        try:
            took_s, memory, used_s = _agent(Path(folder), broker.port, hours, books)
            _settle(books)
        finally:
            client.disconnect()
            client.loop_stop()
            broker.stop()
    return (
        f"{hours:g}",
        f"{took_s:.0f}",
        f"{books.windows:,}",
        f"{books.events:,}",
        f"{memory[len(memory) // 10]:.1f}, {memory[-1]:.1f}",
        f"{used_s:.0f}",
        _amiss(books, hours, memory) or "nothing",
    )


def _amiss(books: Books, hours: float, memory: list[float]) -> str:
    hop = round(HOP_S * RATE_HZ)
    expected = (round(hours * 3600 * RATE_HZ) - WINDOW) // hop + 1
    source = books.health.get("sources", {}).get("machine", {})
    counts = {
        "windows missing": expected - books.windows,
        "windows off the grid": books.off_grid,
        "numbers missing": max(books.numbers, default=0) - len(books.numbers),
        "milliseconds of drift": round(1000 * books.drift_s),
        **{f"{key} in health": source.get(key, 0) for key in ("missing", "gaps", "overrun")},
    }
    grown = memory[-1] - memory[len(memory) // 10]
    wrong = [f"{count} {what}" for what, count in counts.items() if count]
    grew = len(memory) >= LEAST_LOOKS and grown > GROWTH_MIB
    return ", ".join(wrong + ([f"{grown:.1f} MiB grown"] if grew else []))


def _subscribed(port: int, books: Books) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = subscribing.to("drsn/+/#", qos=1)

    def note(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        topic = message.topic.rpartition("/")[2]
        if topic in ("window", "event", "state", "gap", "health") and not message.retain:
            books.note(topic, bytes(message.payload))

    client.on_message = note
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _agent(folder: Path, port: int, hours: float, books: Books) -> tuple[float, list[float], float]:
    """Runs the agent to its end: seconds, MiB from look to look, seconds of CPU."""
    config = folder / "config.json"
    config.write_text(json.dumps(_tree(folder, port, hours)))
    environment = os.environ | {"MALLOC_ARENA_MAX": "2"}  # as in the unit
    command = [sys.executable, "-m", "agent", "run", "--log-level", "ERROR"]
    began_s, memory, used_s = time.monotonic(), [], 0.0
    process = subprocess.Popen([*command, "--config", str(config)], env=environment)
    shown_s = began_s
    while process.poll() is None:
        try:
            process.wait(min(LOOK_S, max(0.5, hours)))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(KeyError, OSError):  # it ends at this moment
                used_s = cpu_s(process.pid)
                if books.windows:  # it has started
                    memory.append(rss_mib(process.pid)[0])
        if memory and time.monotonic() - shown_s > 60:
            shown_s = time.monotonic()
            done = f"{books.windows * HOP_S / 3600:.2f} h, {memory[-1]:.1f} MiB"
            print(f"{shown_s - began_s:.0f} s: {done}, {_files(process.pid)} files", flush=True)
    if process.returncode or not memory:
        raise SystemExit(f"found exit code {process.returncode}, expected 0 after some seconds")
    return time.monotonic() - began_s, memory, used_s


def _files(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0


def _settle(books: Books) -> None:
    """Waits until the subscriber has read what the broker still holds for it."""
    before = -1
    while len(books.numbers) != before:
        before = len(books.numbers)
        time.sleep(2.0)


def _tree(folder: Path, port: int, hours: float) -> dict[str, object]:
    phases = max(1, round(hours * 3600 / PHASE_S))
    duration_s = hours * 3600 / phases
    faults = ("normal", "inner", "normal", "outer")
    scenario = [{"duration_s": duration_s, "fault": faults[n % 4]} for n in range(phases)]
    source = {"name": "machine", "kind": "synth", "pace": "fast", "scenario": scenario}
    scored = {"model": "bearing", "hop_s": HOP_S, "publish_windows": True}
    agent = {"id": "bench", "state_dir": f"{folder}/state", "health_s": 5.0}
    return {"agent": agent, "mqtt": {"port": port}, "sources": [source | scored]}


if __name__ == "__main__":
    main()
