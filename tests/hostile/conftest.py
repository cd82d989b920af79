"""An agent that subscribes to all that it can."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Broker, free_port
from tests.support import bundles


@pytest.fixture
def everything(
    settings: Callable[..., dict[str, Any]], broker: Broker, tmp_path: Path
) -> dict[str, Any]:
    """A configuration that listens to all that it can, with two sensor nodes."""
    tree = settings(broker.port, kind="synth", rate_hz=1000, repeat=True, publish_windows=True)
    node = {"model": tree["sources"][0]["model"], "rate_hz": 1000}
    udp = node | {"name": "udp", "kind": "udp", "listen": f"127.0.0.1:{free_port(2)}"}
    mqtt = node | {"name": "node", "kind": "mqtt", "topic": "node", "port": broker.port}
    tree["sources"] += [udp, mqtt]
    tree["page"], tree["metrics"] = {"port": free_port()}, {"port": free_port()}
    tree["mqtt"]["home_assistant"] = True
    tree["commands"] = {"allow": ["ping", "publish_windows", "capture"]}
    key = bundles.key(tmp_path).with_suffix(".pub.pem")
    tree["rollout"] = {"keys": [str(key)], "from": str(tmp_path), "announce": "fleet/models"}
    return tree
