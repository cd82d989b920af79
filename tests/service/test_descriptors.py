"""`select` ends at 1,024 descriptors; an agent does not."""

import sys
from collections.abc import Callable
from typing import Any

from tests.conftest import Agent, Broker, Subscriber, eventually

HELD = """
import os, resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
for number in range(3, 1100):
    os.dup2(0, number, inheritable=True)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_an_agent_whose_descriptors_are_all_above_1024_starts_delivers_and_stops(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    node = {"name": "node", "kind": "mqtt", "port": broker.port, "topic": "node", "rate_hz": 1000}
    tree["sources"].append({"model": tree["sources"][0]["model"]} | node)
    tree["agent"]["health_s"] = 0.3
    agent = run_agent(tree, prefix=(sys.executable, "-c", HELD))
    eventually(lambda: len(subscriber.of("window")) > 5, 20, "windows")
    eventually(lambda: len(subscriber.of("health")) > 0, 5, "health")
    health = subscriber.records("health")[-1]
    assert health["process"]["fds"] > 1097
    assert health["sources"]["node"]["opened"] == 1
    assert agent.stop() == 0
    assert "out of range" not in agent.logged()
