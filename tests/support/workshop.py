"""An agent with a page and two machines: one that has broken, and one that runs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
import yaml

from tests.conftest import eventually, free_port, quiet_then_loud
from tests.support import tiny
from tests.support.page_client import get, listens

BROKEN, RUNNING = "press", "fan"


class Workshop(msgspec.Struct, frozen=True):
    """An agent that runs; its broker is away."""

    port: int
    state_dir: Path
    configuration: Path
    process: subprocess.Popen[bytes]

    def events(self, **query: Any) -> list[dict[str, Any]]:
        text = "&".join(f"{key}={value}" for key, value in query.items())
        events: list[dict[str, Any]] = get(self.port, f"/api/events?{text}")["events"]
        return events

    def fault(self) -> dict[str, Any]:
        """The event of the machine that broke."""
        return next(e for e in self.events(source=BROKEN) if e["event"]["decision"] == "fault")

    def source(self, name: str = RUNNING) -> dict[str, Any]:
        sources = get(self.port, "/api/setup")["sources"]
        found: dict[str, Any] = next(one for one in sources if one["name"] == name)
        return found


@contextmanager
def running(folder: Path, **sections: Any) -> Iterator[Workshop]:
    """`sections` are added to the configuration; one machine has broken by then."""
    port = free_port()
    with started(folder, settings(folder, port) | sections, port) as workshop:
        eventually(lambda: any(e["clip"] for e in workshop.events(source=BROKEN)), 30, "a clip")
        yield workshop


@contextmanager
def started(folder: Path, tree: dict[str, Any], port: int) -> Iterator[Workshop]:
    """An agent with that configuration, once its page listens on that port."""
    configuration = folder / "config.yaml"
    configuration.write_text(yaml.safe_dump(tree))
    with (folder / "agent.log").open("wb") as log:
        command = [sys.executable, "-m", "agent", "run", "--config", str(configuration)]
        process = subprocess.Popen(command, stderr=log)
    try:
        eventually(lambda: listens(port) or process.poll() is not None, 30, "the page listens")
        assert process.poll() is None, (folder / "agent.log").read_text()
        yield Workshop(port, folder / "state", configuration, process)
    finally:
        process.kill()  # its broker is away: it would wait for it
        process.wait(20)


def settings(folder: Path, port: int) -> dict[str, Any]:
    recording = folder / "breaks.wav"
    samples = np.clip(quiet_then_loud(7000), -0.999, 0.999)
    soundfile.write(recording, samples, 1000, subtype="PCM_16")
    model = {"model": str(tiny.write(folder / "tiny.onnx")), "unit": "g"}
    broken = {"name": BROKEN, "kind": "file", "path": str(recording), "pace": "fast"}
    running = {"name": RUNNING, "kind": "synth", "rate_hz": 1000, "repeat": True, "hop_s": 0.02}
    return {
        "agent": {"id": "hall-3", "state_dir": str(folder / "state")},
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
        "page": {"port": port},
        "evidence": {"before_s": 2.0, "after_s": 1.5, "min_free_mib": 0},
        "sources": [broken | model, running | model],
    }
