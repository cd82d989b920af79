"""The agent that a broker is tried with: the real process, a simulated machine, every window."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.brokers.recipe import RunningBroker
from tests.conftest import eventually
from tests.support import tiny

AGENT, SOURCE = "press-04", "fan"
OWN = f"drsn/{AGENT}"
STATUS, STATE = f"{OWN}/status", f"{OWN}/{SOURCE}/state"
CONNECT_S = 60.0  # after an outage too: a broker without an answer is given 6 s, thrice


@dataclass
class TriedAgent:
    """Started and stopped any number of times on one state directory."""

    broker: RunningBroker
    port: int  # of the cable to the broker
    version: str  # mqtt.version
    folder: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        config = self.folder / "agent.yaml"
        config.write_text(yaml.safe_dump(self._settings()))
        before = self._connections()
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
            self._process = subprocess.Popen(command, stderr=log)
        eventually(lambda: self._connections() > before, CONNECT_S, "the agent is connected")

    def after_outage(self) -> None:
        """Waits for one more connection than there is now."""
        before = self._connections()
        eventually(lambda: self._connections() > before, CONNECT_S, "connected again")

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def log(self) -> Path:
        return self.folder / "agent.log"

    def logged(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def _connections(self) -> int:
        return self.logged().count(" connected to ")

    def _settings(self) -> dict[str, Any]:
        model = self.folder / "tiny.onnx"
        if not model.exists():
            tiny.write(model)
        mqtt: dict[str, Any] = {"port": self.port, "version": self.version}
        mqtt |= {"home_assistant": True, "reconnect_max_s": 1.0}
        if self.broker.recipe.login is not None:
            name, password = self.broker.recipe.login
            (self.folder / "password").write_text(password)
            mqtt |= {"username": name, "password_file": str(self.folder / "password")}
        source = {"name": SOURCE, "kind": "synth", "rate_hz": 1000, "publish_windows": True}
        return {
            "agent": {"id": AGENT, "state_dir": str(self.folder / "state"), "health_s": 2.0},
            "mqtt": mqtt,
            "sources": [source | {"model": str(model)}],
        }
