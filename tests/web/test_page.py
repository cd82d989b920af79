"""The agent's own status page, of the real process."""

import itertools
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.conftest import Agent, Broker, Subscriber, eventually, free_port, quiet_then_loud
from tests.support.page_client import listens, request, stream

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def test_without_the_key_nothing_of_the_page_is_loaded() -> None:
    code = "import sys, agent.service.daemon; sys.exit('http.server' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_agent_with_a_page_shows_its_windows_and_takes_no_orders(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.wav", np.clip(quiet_then_loud(60_000), -0.99, 0.99), 1000)
    tree = settings(broker.port, kind="file", path=str(tmp_path / "long.wav"))
    port = free_port()
    agent = run_agent(tree | {"page": {"port": port}})
    eventually(lambda: bool(subscriber.of("state")), 20, "a state")
    events = stream(port, 5)
    assert events["state"][0]["sources"][0]["name"] == "bearing-de"
    assert events["state"][0]["setting"] is None
    assert list(events["state"][0]["states"]) == ["bearing-de"]
    frames = events["frame"]
    assert [b["first"] - a["first"] for a, b in itertools.pairwise(frames)] == [100] * 4
    assert all(frame["probabilities"] and frame["rival"] is None for frame in frames)
    assert request(port, "/api/setting", "POST", b'{"snr_db": 0}').status == 404
    assert request(port, "/api/recording?name=a", "POST", b"1").status == 404
    assert agent.stop() == 0


def test_a_browser_that_stands_still_keeps_neither_scoring_nor_others_waiting(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    port = free_port()
    tree = settings(broker.port, kind="synth", rate_hz=1000, hop_s=0.02)
    run_agent(tree | {"page": {"port": port}})
    eventually(lambda: listens(port), 20, "the page listens")
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        frames = stream(port, 120)["frame"]
    steps = {b["first"] - a["first"] for a, b in itertools.pairwise(frames)}
    assert steps == {20}


def test_a_port_that_is_taken_is_one_line(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        agent = run_agent(settings(broker.port, kind="synth") | {"page": {"port": port}})
        assert agent.wait(20) == 75
    lines = agent.logged().splitlines()
    assert lines == [
        f"drsn-agent: page: 127.0.0.1 port {port} is not available: Address already in use"
    ]
