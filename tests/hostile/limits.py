"""`python -m tests.hostile.limits`: what the unit's limits must hold, measured.

An agent with 16 sources, page, metrics and clips in memory: its memory, descriptors and threads
when nothing happens, and the most while it is attacked.
"""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from agent.core.errors import UserError
from agent.inference import isolated_worker
from agent.inference.isolated_classifier import IsolatedClassifier
from tests.conftest import Broker, eventually, free_port
from tests.support import hostile_models

SOURCES = 16
QUIET_S = 30.0
LASTING_S = 10.0  # of connections that stay open
Attack = Callable[[], None]


def main() -> None:
    print("| | RSS, MiB | of it no file's | descriptors | threads |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ending:
        folder = Path(name)
        trial(folder)
        broker = Broker(folder).start()
        ending.callback(broker.stop)
        page, metrics = free_port(), free_port()
        log = ending.enter_context((folder / "log").open("wb"))
        file = folder / "c.yaml"
        file.write_text(yaml.safe_dump(configuration(folder, broker.port, page, metrics)))
        command = [sys.executable, "-m", "agent", "run", "--config", str(file)]
        environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}  # as in the unit
        agent = subprocess.Popen(command, stderr=log, env=environment)
        ending.callback(agent.kill)
        eventually(lambda: b"running with" in (folder / "log").read_bytes(), 60, "the start")
        measure(agent, f"{SOURCES} sources, page, metrics, evidence", lambda: time.sleep(QUIET_S))
        measure(agent, "100 browsers", lambda: crowd(page, 100, "/api/stream?source=s0"))
        measure(agent, "1,100 scrapers of the metrics", lambda: crowd(metrics, 1100, "/metrics"))
        measure(agent, "32 posts of 48 MiB", lambda: posts(page))
        measure(agent, "packets of up to 200 MiB", lambda: packets(broker.port))
        agent.terminate()
        assert agent.wait(20) == 0, "it lives on"


def configuration(folder: Path, port: int, page: int, metrics: int) -> dict[str, Any]:
    synth = {"kind": "synth", "rate_hz": 10_000, "repeat": True, "model": "bearing"}
    return {
        "agent": {"id": "a", "state_dir": str(folder / "state")},
        "mqtt": {"port": port},
        "page": {"port": page},
        "metrics": {"port": metrics},
        "evidence": {},
        "sources": [{"name": f"s{n}", "publish_windows": True, **synth} for n in range(SOURCES)],
    }


def measure(agent: subprocess.Popen[bytes], name: str, attack: Attack) -> None:
    """Prints the most of each figure while it lasts."""
    thread = threading.Thread(target=attack)
    thread.start()
    most = (0, 0, 0, 0)
    while thread.is_alive():
        assert agent.poll() is None, "it lives on"
        most = tuple(map(max, most, figures(agent.pid)))  # type: ignore[assignment]
        thread.join(0.1)
    print(f"| {name} | {' | '.join(map(str, most))} |", flush=True)


def figures(process: int) -> tuple[int, int, int, int]:
    folder = Path(f"/proc/{process}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    rss, anonymous = (int(status[key].split()[0]) >> 10 for key in ("VmRSS", "RssAnon"))
    return rss, anonymous, len(list((folder / "fd").iterdir())), int(status["Threads"])


def crowd(port: int, count: int, path: str, lasting_s: float = LASTING_S) -> None:
    """So many connections that ask, read nothing and stay."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with contextlib.ExitStack() as connections:
        for _ in range(count):
            with contextlib.suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", port), 0.3)
                connections.enter_context(connection)
                connection.sendall(request)
        time.sleep(lasting_s)


def posts(port: int) -> None:
    """As many as the page has connections. Outside of a demo it takes none."""
    head = (
        b"POST /api/recording?name=a.wav HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    )
    request = head % (48 << 20) + bytes(48 << 20)

    def send() -> None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 60) as connection,
        ):
            connection.sendall(request)

    senders = [threading.Thread(target=send) for _ in range(32)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def packets(port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for mib in (*[0.99] * 20, 1, 16, 200):
        client.publish("drsn/a/info", b"[" * int(mib * 2**20), 1).wait_for_publish(60)
    time.sleep(LASTING_S)
    client.disconnect()
    client.loop_stop()


def trial(folder: Path) -> None:
    """A model under trial that takes nearly all the memory that it may, in its own process."""
    floats = (isolated_worker.MEMORY_BYTES - (16 << 20)) // 4
    file = hostile_models.write(folder, "2", "eats memory", -1.0, floats)
    with contextlib.suppress(UserError):
        IsolatedClassifier(file)
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"| besides, a model under trial that eats memory | {peak_kib >> 10} | | | |", flush=True)


if __name__ == "__main__":
    main()
