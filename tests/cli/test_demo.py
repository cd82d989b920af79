"""A newcomer sees the fault being found while the noise rises, and so does any other client."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import Subscriber, eventually, free_port


def test_the_demo_shows_every_phase_to_itself_and_to_others() -> None:
    pytest.importorskip("iotcore", reason="needs the demo extra")
    port = free_port()
    command = [sys.executable, "-m", "agent", "demo", "--seconds", "20", "--port", str(port)]
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    others: list[Subscriber] = []

    def joined() -> bool:
        try:
            others.append(Subscriber(port))
        except OSError:
            return False
        return True

    eventually(joined, 20, "the demo's broker listens")
    assert demo.stdout is not None
    printed = demo.stdout.read().decode()
    assert demo.wait(30) == 0, printed
    (other,) = others
    assert other.status() == ["online", "offline"]
    states = [(s["decision"], s["label"]) for s in other.records("state")]
    assert states == [(e["decision"], e["label"]) for e in other.records("event")]
    told = [decision for decision, _ in states if decision in ("normal", "fault")]
    assert told[0] == "normal"
    assert ("fault", "outer") in states
    assert states[-1] == ("normal", "normal")
    info = other.records("info")[0]["sources"][0]
    window = round(info["window_s"] * info["rate_hz"])
    assert len(other.records("window")) == (200_000 - window) // 1000 + 1
    assert re.search(r"outer +100 % +SNR +-\d\.\d dB +window outer", printed)
    found = re.search(r"Found: fault outer, (\d+\.\d) s after it began at 8 s; 0 false", printed)
    assert found is not None
    assert float(found[1]) < 4.0
    assert "demo --page" in printed.partition("Next:")[2]
    assert printed.count("EVENT") == len(states)
    other.close()
