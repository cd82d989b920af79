"""What stands still is started again: a process that only looks alive is worse than a dead one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Agent, Broker, Subscriber, eventually

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]

# The agent as it is, but for one thing that goes wrong after a second.
BROKEN = """
import sys, time
import agent.cli.main, agent.inference.classifier, agent.delivery.sender
began_s = time.monotonic()
def soon(): return time.monotonic() - began_s > 1.0
{patch}
sys.exit(agent.cli.main.main(sys.argv[1:]))
"""
HANG = """
real = agent.inference.classifier.OnnxClassifier.classify
def classify(self, samples, running):
    if soon(): time.sleep(3600)
    return real(self, samples, running)
agent.inference.classifier.OnnxClassifier.classify = classify
"""
SCORING_DIES = """
real = agent.inference.classifier.OnnxClassifier.classify
def classify(self, samples, running):
    if soon(): raise RuntimeError("no such kernel")
    return real(self, samples, running)
agent.inference.classifier.OnnxClassifier.classify = classify
"""
SENDER_DIES = """
real = agent.delivery.sender.Sender._send_due
def pump(self):
    if soon(): raise RuntimeError("pump burst\\nin two lines")
    return real(self)
agent.delivery.sender.Sender._send_due = pump
"""
SENDER_HANGS = """
real = agent.delivery.sender.Sender._send_due
def pump(self):
    if soon(): time.sleep(3600)
    return real(self)
agent.delivery.sender.Sender._send_due = pump
"""
READ_HANGS = """
import agent.sources.synthetic
real = agent.sources.synthetic.SynthSource.read
def read(self):
    if soon(): time.sleep(3600)
    return real(self)
agent.sources.synthetic.SynthSource.read = read
"""


class Systemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)
        self.received: list[str] = []

    def hear(self) -> list[str]:
        try:
            while True:
                self.received.append(self._socket.recv(100).decode())
        except BlockingIOError:
            return self.received


def run_broken(tmp_path: Path, tree: dict[str, Any], patch: str, env: dict[str, str]) -> Agent:
    import yaml

    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    code = BROKEN.format(patch=patch)
    command = [sys.executable, "-c", code, "run", "--config", str(tmp_path / "c.yaml")]
    log = tmp_path / "agent.log"
    with log.open("wb") as err:
        return Agent(subprocess.Popen(command, stderr=err, env=os.environ | env), log)


@pytest.mark.parametrize(
    ("patch", "code", "why"),
    [
        (HANG, 70, "ends: scoring has not come back for 1 s"),
        (SENDER_HANGS, 70, "ends: the sender has not turned for 2 s"),
        (READ_HANGS, 70, "ends: source bearing-de: a read has not come back for 1 s"),
        (SENDER_DIES, 1, "stopped: sender: pump burst\\nin two lines"),
        (SCORING_DIES, 1, "stopped: scoring: no such kernel"),
    ],
    ids=["scoring hangs", "sender hangs", "a read hangs", "sender dies", "scoring dies"],
)
def test_work_that_stands_still_ends_the_process_with_a_code_and_a_reason(
    broker: Broker, tmp_path: Path, settings: Settings, patch: str, code: int, why: str
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    agent = run_broken(tmp_path, tree, patch, {"WATCHDOG_USEC": "2000000"})
    assert agent.wait(20) == code
    assert why in agent.logged()
    assert len(agent.logged().splitlines()) < 12


@pytest.mark.parametrize("stopped_s", [1.7, 6.0])
def test_a_process_that_was_stopped_for_long_does_not_take_it_for_a_hang(
    broker: Broker, tmp_path: Path, settings: Settings, stopped_s: float
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    agent = run_broken(tmp_path, tree, "", {"WATCHDOG_USEC": "2000000"})
    eventually(lambda: "running with" in agent.logged(), 10, "it runs")
    agent.process.send_signal(signal.SIGSTOP)
    time.sleep(stopped_s)  # the time is what is tried; the sender may stand still for 2 s
    agent.process.send_signal(signal.SIGCONT)
    with pytest.raises(subprocess.TimeoutExpired):
        agent.wait(2)
    assert agent.stop() == 0


def test_systemd_hears_ready_then_signs_of_work_then_stopping(
    broker: Broker, tmp_path: Path, run_agent: Start, settings: Settings
) -> None:
    systemd = Systemd(tmp_path)
    env = os.environ | {"NOTIFY_SOCKET": str(systemd.path)}
    agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000), env=env)
    eventually(lambda: systemd.hear().count("WATCHDOG=1") >= 2, 20, "two signs of work")
    assert agent.stop() == 0
    assert systemd.hear()[0] == "READY=1"
    assert systemd.hear()[-1] == "STOPPING=1"


def test_the_watchdog_is_not_fed_while_a_source_delivers_and_nothing_is_scored(
    broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    """A timer would go on feeding it."""
    systemd = Systemd(tmp_path)
    patch = """
import agent.pipeline.window_scorer
real = agent.pipeline.window_scorer.step
def step(channels): return [] if soon() else real(channels)
agent.pipeline.window_scorer.step = step
"""
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    agent = run_broken(tmp_path, tree, patch, {"NOTIFY_SOCKET": str(systemd.path)})
    eventually(lambda: "WATCHDOG=1" in systemd.hear(), 20, "a first sign of work")
    last_s = [time.monotonic()]

    def quiet() -> bool:
        before = len(systemd.received)
        if len(systemd.hear()) > before:
            last_s[0] = time.monotonic()
        return time.monotonic() - last_s[0] > 4

    eventually(quiet, 20, "no more signs of work")
    agent.process.kill()
    agent.process.wait()


def test_without_a_broker_the_agent_is_well_as_long_as_messages_are_safe(
    stopped_broker: Broker, tmp_path: Path, run_agent: Start, settings: Settings
) -> None:
    systemd = Systemd(tmp_path)
    env = os.environ | {"NOTIFY_SOCKET": str(systemd.path)}
    tree = settings(stopped_broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    agent = run_agent(tree, env=env)
    eventually(lambda: systemd.hear().count("WATCHDOG=1") >= 4, 20, "signs of work")
    assert agent.stop() == 0


def test_a_broken_sensor_is_told_and_is_no_reason_to_restart_again_and_again(
    broker: Broker, subscriber: Subscriber, tmp_path: Path, run_agent: Start, settings: Settings
) -> None:
    systemd = Systemd(tmp_path)
    env = os.environ | {"NOTIFY_SOCKET": str(systemd.path)}
    source = {"kind": "stream", "url": "tcp://127.0.0.1:9", "rate_hz": 1000}
    agent = run_agent(settings(broker.port, **source), env=env)
    eventually(lambda: bool(subscriber.of("state")), 20, "the fault is told")
    eventually(lambda: systemd.hear().count("WATCHDOG=1") >= 3, 20, "signs of work")
    assert agent.stop() == 0
