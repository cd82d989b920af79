"""An attempt to connect: what a network, a name or a file does is a result, a bug is raised."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml

from agent.core.errors import ConditionError
from agent.mqtt import client
from agent.mqtt.connector import Connector
from agent.mqtt.settings import Mqtt, Tls
from tests.conftest import Broker, eventually, free_port

BROKEN_WILL = """
import sys
from agent.cli import main
from agent.delivery.mqtt_sink import MqttSink

def broken(self, terms):
    raise TypeError("'Message' object is not callable")

MqttSink._make_client = broken
sys.exit(main.main(sys.argv[1:]))
"""


def outcome(settings: Mqtt, make: Callable[[], paho.Client] | None = None) -> object:
    attempt = Connector(make or (lambda: client.make(settings, "a")), settings, lambda: None)
    eventually(lambda: attempt.result() is not None, 10, "a result")
    return attempt.result()


def test_a_broker_that_listens_gives_a_client(broker: Broker) -> None:
    connected = outcome(Mqtt(port=broker.port))
    assert isinstance(connected, paho.Client)
    connected.disconnect()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Mqtt(port=1), ConnectionRefusedError),
        (Mqtt(host="a" * 64), UnicodeError),
        (Mqtt(password_file="/nonexistent/password", username="a"), FileNotFoundError),
        (Mqtt(tls=Tls(ca_file="/nonexistent/ca.pem")), ConditionError),
    ],
    ids=["nobody listens", "host name that IDNA refuses", "password file", "certificate file"],
)
def test_what_may_be_mended_while_the_agent_runs_is_a_result(
    settings: Mqtt, expected: type[Exception]
) -> None:
    assert isinstance(outcome(settings), expected)


def test_a_bug_is_raised_in_whoever_asks() -> None:
    def broken() -> paho.Client:
        raise TypeError("'Message' object is not callable")

    with pytest.raises(TypeError, match="not callable"):
        outcome(Mqtt(port=free_port()), broken)


def test_a_bug_in_connecting_ends_the_process_with_its_reason(
    broker: Broker, tmp_path: Path, settings: Callable[..., dict[str, Any]]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings(broker.port, kind="synth", rate_hz=1000)))
    command = [sys.executable, "-c", BROKEN_WILL, "run", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "sender failed" in ended.stderr
    assert ended.stderr.splitlines()[-1].endswith("sender: 'Message' object is not callable")
