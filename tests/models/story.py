"""From a fault that a person names on the page to a network that knows it, on the same agent.

`python -m tests.models.story --steps 300` (`make story`) tells and times each step: a machine
begins to rub, its network calls that `loud`, and clips of it are kept; a person labels them on the
page; `train` learns from that data set; the network goes to the running agent as a signed bundle,
is tried beside the present one and takes its place; the next time, the agent says `rubbing`.
"""

import argparse
import contextlib
import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import eventually, free_port
from tests.support import bundles, rollout, workshop
from tests.support.page_client import request
from tests.support.workshop import Workshop

SOURCE, FAULT = "press", "rubbing"
RATE_HZ = 1000
NORMAL_S, FAULT_S = 45, 20  # of one cycle: clips of two cycles are of two sessions
CYCLES = 4


class Machine:
    """Sends its signal to the agent that connects, and again to the one that connects anew."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._connection: socket.socket | None = None
        self._rng = np.random.default_rng(0)
        self._sent = 0  # frames, on this connection

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    def run(self, agent: Workshop, seconds: int, *, rubbing: bool = False) -> None:
        """Runs for so long, and waits until the agent has scored that or begun anew."""
        if self._connection is None or self._is_awaited():
            self._connection, self._sent = self._server.accept()[0], 0
        signal = self._signal(seconds * RATE_HZ, rubbing)
        self._sent += len(signal)
        with contextlib.suppress(ConnectionError):  # the agent begins anew
            self._connection.sendall(signal.astype(np.float32).tobytes())
        windows = (self._sent - 500) // 100
        eventually(lambda: self._is_awaited() or _scored(agent) >= windows, 30, "it is scored")

    def _is_awaited(self) -> bool:
        """Whether the agent connects anew."""
        return bool(select.select([self._server], [], [], 0)[0])

    def _signal(self, frames: int, rubbing: bool) -> np.ndarray:
        signal: np.ndarray = 0.1 * self._rng.standard_normal(frames)
        at = np.arange(self._sent, self._sent + frames) / RATE_HZ
        rub = 0.8 * np.sin(2 * np.pi * 120 * at) * (1 + np.sin(2 * np.pi * 7 * at))
        return signal + rub if rubbing else signal


def _scored(agent: Workshop) -> int:
    """Windows of the source until now."""
    time.sleep(0.05)  # the page has few connections, and closes them by and by
    with contextlib.suppress(ConnectionError):
        return int(agent.source(SOURCE)["windows"])
    return 0


@contextlib.contextmanager
def running(folder: Path, *, installed: bool = True) -> Iterator[tuple[Workshop, Machine]]:
    """An agent that runs version 1 of a network, and the machine that it hears.

    `installed`: as a signed bundle, so that another one may take its place; else from its file.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(30)
        machine, port = Machine(server), free_port()
        tree = settings(folder, machine, port)
        if installed:
            tree["rollout"]["keys"] = [str(bundles.key(folder).with_suffix(".pub.pem"))]
            rollout.install(folder, tree, bundles.bundle(folder, "1"))
        else:
            tree["sources"][0]["model"] = str(bundles.model(folder, "1"))
        with workshop.started(folder, tree, port) as agent:
            yield agent, machine


def settings(folder: Path, machine: Machine, port: int) -> dict[str, Any]:
    stream = {
        "kind": "stream",
        "url": machine.url,
        "rate_hz": RATE_HZ,
        "dtype": "float32",
        "live": False,
    }
    return {
        "agent": {"id": "hall-3", "state_dir": str(folder / "state")},
        "mqtt": {"port": free_port()},
        "page": {"port": port},
        "evidence": {"before_s": 0, "after_s": 5, "min_free_mib": 0},
        "rollout": {"shadow_s": 0.5, "shadow_windows": 20, "probation_s": 0.5},
        "sources": [{"name": SOURCE, "model": "tiny", "live": False} | stream],
    }


def post(port: int, path: str, **record: Any) -> Any:
    answer = request(port, path, "POST", json.dumps(record).encode())
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)


def verb(*words: object) -> str:
    line = [sys.executable, "-m", "agent", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def faults(agent: Workshop) -> list[dict[str, Any]]:
    every = agent.events(source=SOURCE, kind="decision", most=200)
    return [shown for shown in every if shown["event"]["decision"] == "fault"]


def label(agent: Workshop, machine: Machine, cycles: int) -> Path:
    """Lets the machine rub now and then, says so on the page; the data set of its source."""
    for _ in range(cycles):
        machine.run(agent, NORMAL_S)
        post(agent.port, "/api/dataset", source=SOURCE, seconds=5, label="normal")
        machine.run(agent, FAULT_S, rubbing=True)
    eventually(lambda: all(shown["clip"] for shown in faults(agent)), 20, "every clip")
    assert {shown["event"]["fault"] for shown in faults(agent)} == {"loud"}
    for shown in faults(agent):
        post(agent.port, "/api/event", id=shown["event"]["id"], label=FAULT)
    return agent.state_dir / "dataset" / SOURCE


def roll_out(agent: Workshop, machine: Machine, model: Path) -> None:
    """Hands the model over as a bundle, and runs the machine until it is kept."""
    bundle, folder = model.with_suffix(".drsn"), agent.configuration.parent
    verb("bundle", model, "--key", bundles.key(folder), "--out", bundle)
    verb("install", "--config", agent.configuration, bundle)
    stands = ""
    for _ in range(20):
        machine.run(agent, NORMAL_S)
        stands = verb("install", "--config", agent.configuration, "--list")
        if stands.startswith("tiny 2") and "on probation" not in stands:
            return
    raise AssertionError(stands)


def tell(folder: Path, steps: int) -> None:
    """The whole story; `AssertionError` where it ends otherwise."""
    with running(folder) as (agent, machine), Clock() as clock:
        data = label(agent, machine, CYCLES)
        clock.say(f"the page's data set has {agent.source(SOURCE)['labels']}")
        model = folder / "tiny.onnx"
        verb("train", data, "--out", model, "--steps", steps, "--version", 2)
        clock.say(f"trained on it in at most {steps} steps")
        roll_out(agent, machine, model)
        clock.say("signed, tried beside version 1, switched, kept")
        machine.run(agent, FAULT_S, rubbing=True)
        newest = faults(agent)[0]["event"]
        assert newest["fault"] == FAULT, newest
        clock.say(f"the next fault is called {newest['fault']}: {newest['sentence']}")


class Clock:
    """Says how long each step took."""

    def __enter__(self) -> "Clock":
        self._since_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, text: str) -> None:
        now_s = time.monotonic()
        print(f"{now_s - self._since_s:6.1f} s  {text}", flush=True)
        self._since_s = now_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        tell(Path(folder), steps)


if __name__ == "__main__":
    main()
