"""Real parts for tests: a mosquitto on loopback, subscribers, the agent as its own process."""

import json
import os

# Before numpy and torch: workers share the cores already, and threads that wait for each other
# there cost a training three times its processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
import soundfile
import yaml
from hypothesis import settings as hypothesis_settings
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import browser, subscribing, tiny
from tests.support.paths import DATA
from tests.support.soundcard import MISSING, SoundCard

# Whoever starts the tests in the background has them ignore Ctrl-C, and their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes an example slow; every test has its time limit besides.
hypothesis_settings.register_profile("project", deadline=None)
hypothesis_settings.load_profile("project")

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def recording(*parts: str) -> Path:
    """A real recording, or a skip where there is none."""
    path = DATA.joinpath(*parts)
    if not path.is_file():
        pytest.skip(f"needs the recording {'/'.join(parts)}, which does not come with the project")
    return path


def eventually(happened: Callable[[], bool], within_s: float, what: str) -> None:
    """Waits for a condition, and fails when it does not come."""
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_s} s: {what}")
        time.sleep(0.01)


def needed(name: str, package: str, missing: object = None) -> None:
    """Skips where that program is missing; in CI, where it is to be installed, fails."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is not None and not missing:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{package} is not installed: see the Makefile's target `packages`")
    pytest.skip(f"needs {name} (apt-get install {package})")


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Broker:
    """A real mosquitto that can be stopped and started on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    extra: str = "allow_anonymous true\n"
    persistence: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        config = self.folder / "mosquitto.conf"
        kept = f"persistence {str(self.persistence).lower()}\n"
        config.write_text(f"user root\nlistener {self.port} 127.0.0.1\n{kept}{self.extra}")
        assert MOSQUITTO is not None
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", config], stdout=log, stderr=log)
        eventually(self._listens, 5, "mosquitto listens")
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def stopped_broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        if os.environ.get("CI"):
            pytest.fail("mosquitto is not installed: see the Makefile's target `packages`")
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def broker(stopped_broker: Broker) -> Broker:
    return stopped_broker.start()


@dataclass(frozen=True)
class Publication:
    topic: str
    payload: bytes
    retained: bool

    @property
    def last(self) -> str:
        return self.topic.rpartition("/")[2]

    @property
    def record(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.payload)
        return decoded


class Subscriber:
    """An independent client: everything it hears, in order."""

    def __init__(self, port: int, topics: str = "drsn/#") -> None:
        self.received: list[Publication] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = subscribing.to(topics)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _c, _d, m: self.received.append(
            Publication(m.topic, bytes(m.payload), m.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(5)

    def of(self, last: str) -> list[Publication]:
        return [each for each in list(self.received) if each.last == last]

    def records(self, last: str) -> list[dict[str, Any]]:
        return [each.record for each in self.of(last)]

    def status(self) -> list[str]:
        return [each.payload.decode() for each in self.of("status")]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()


@dataclass
class Agent:
    """The real process, as `drsn-agent run --config FILE`."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, within_s: float = 60) -> int:
        return self.process.wait(within_s)

    def stop(self, within_s: float = 5) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait(within_s)

    def logged(self) -> str:
        return self.log.read_text()


@pytest.fixture
def run_agent(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Starts agents from a tree of settings; whatever still runs at the end is killed."""
    started: list[Agent] = []

    def start(tree: dict[str, Any], prefix: tuple[str, ...] = (), **how: Any) -> Agent:
        file = tmp_path / f"config-{len(started)}.yaml"
        file.write_text(yaml.safe_dump(tree))
        log = tmp_path / f"agent-{len(started)}.log"
        command = [*prefix, sys.executable, "-m", "agent", "run", "--config", str(file)]
        with log.open("wb") as err:
            process = subprocess.Popen(command, stderr=err, **how)
        started.append(Agent(process, log))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.process.kill()
            agent.process.wait()


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """One Chromium for all tests of this process (`tests.support.browser.Browser`)."""
    with browser.chromium() as driver:
        yield driver


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "tiny.onnx")


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Callable[..., dict[str, Any]]:
    """A tree of settings with one source; keywords add to that source."""

    def make(port: int, **source: Any) -> dict[str, Any]:
        return {
            "agent": {"id": "press-04", "state_dir": str(tmp_path / "state")},
            "mqtt": {"port": port},
            "sources": [{"name": "bearing-de", "model": str(tiny_model)} | source],
        }

    return make


def quiet_then_loud(frames: int, seed: int = 0) -> np.ndarray:
    """Noise that the tiny model calls normal, and loud in its second half."""
    noise = np.random.default_rng(seed).standard_normal(frames) * 0.1
    noise[frames // 2 :] *= 5
    return noise


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Seven seconds at 1000 Hz, 16 bit: quiet, then loud."""
    path = tmp_path / "quiet_then_loud.wav"
    samples = np.clip(quiet_then_loud(7000), -0.999, 0.999)
    soundfile.write(path, samples, 1000, subtype="PCM_16")
    return path


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundCard]:
    """A sound card with one microphone, `vmic`, of 16 kHz."""
    needed("pulseaudio", "pulseaudio", MISSING)
    card = SoundCard(tmp_path / "home", vmic=(16_000, 1))
    for key, value in card.environment.items():
        monkeypatch.setenv(key, value)
    yield card
    card.close()
