"""`doctor` finds what is wrong with a box, each in a line that says what to do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.brokers.recipe import RunningBroker
from tests.brokers.recipes import NATS
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
SYNTH = {"kind": "synth", "rate_hz": 1000}


def doctor(folder: Path, tree: dict[str, Any]) -> tuple[int, list[str]]:
    file = folder / "doctor.yaml"
    file.write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", "doctor", "--config", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def wrong(lines: list[str]) -> list[str]:
    return [line.removeprefix("wrong").strip() for line in lines if line.startswith("wrong")]


def test_a_healthy_box_is_told_line_by_line_and_left_as_it_is(
    broker: Broker, subscriber: Subscriber, settings: Settings, tmp_path: Path
) -> None:
    code, lines = doctor(tmp_path, settings(broker.port, **SYNTH))
    assert (code, wrong(lines)) == (0, [])
    told = [line[7:].partition(":")[0] for line in lines]
    expected = ["configuration", "state directory", "disk", "source bearing-de", "clock", "broker"]
    assert told == expected
    assert not (tmp_path / "state").exists()
    assert [(each.last, each.payload) for each in subscriber.received] == [("doctor", b"")]


def test_a_wrong_configuration_ends_it(tmp_path: Path, settings: Settings) -> None:
    code, lines = doctor(tmp_path, settings(1, **SYNTH, hop=1))
    assert code == 1
    assert len(lines) == 1
    assert "sources[0].hop: found an unknown key, did you mean hop_s?" in lines[0]


def test_a_broker_that_is_not_there_is_told(tmp_path: Path, settings: Settings) -> None:
    port = free_port()
    code, lines = doctor(tmp_path, settings(port, **SYNTH))
    assert code == 1
    todo = f"Connection refused: does the broker run, is mqtt.port {port} right?"
    assert wrong(lines) == [f"broker: 127.0.0.1:{port}: {todo}"]


def test_a_broker_that_retains_nothing_is_noted(
    stopped_broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    stopped_broker.extra += "retain_available false\nmax_qos 0\n"
    code, lines = doctor(tmp_path, settings(stopped_broker.start().port, **SYNTH))
    assert code == 0
    assert lines[-1].startswith("note")
    assert "(MQTT 5, no TLS, no user name); it retains nothing and has QoS 0 alone" in lines[-1]


@pytest.mark.parametrize("limit", ["retain_available false", "max_qos 0"])
def test_over_3_1_1_a_broker_that_retains_nothing_or_has_qos_0_is_found_as_the_agent_will(
    limit: str, stopped_broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    """It closes the connection and says nothing; over MQTT 5 it would say why."""
    stopped_broker.extra += f"{limit}\n"
    tree = settings(stopped_broker.start().port, **SYNTH)
    code, lines = doctor(tmp_path, tree | {"mqtt": tree["mqtt"] | {"version": "3.1.1"}})
    assert code == 1
    assert "does the broker retain messages and take QoS 1? else mqtt.version: auto" in lines[-1]


def test_the_version_that_a_broker_takes_is_found_and_said(
    tmp_path: Path, settings: Settings
) -> None:
    with RunningBroker(NATS, tmp_path / "nats") as broker:
        tree = settings(broker.port, **SYNTH)
        code, lines = doctor(tmp_path, tree)
        assert (code, wrong(lines)) == (0, [])
        assert "(MQTT 3.1.1, no TLS, no user name)" in lines[-1]
        code, lines = doctor(tmp_path, tree | {"mqtt": tree["mqtt"] | {"version": "5"}})
    assert code == 1
    assert "refuses us: Unsupported protocol version: the key mqtt.version: auto" in wrong(lines)[0]


def test_credentials_acl_and_tls_are_tried_as_the_agent_would(
    stopped_broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "agent", "right"], check=True)
    (tmp_path / "acl").write_text("user agent\ntopic readwrite other/#\n")
    stopped_broker.extra = f"password_file {passwords}\nacl_file {tmp_path / 'acl'}\n"
    port = stopped_broker.start().port
    tree = settings(port, **SYNTH)
    tree["mqtt"] |= {"username": "agent", "password_file": str(secret)}

    def complaint() -> str:
        (line,) = wrong(doctor(tmp_path, tree)[1])
        return line

    secret.write_text("wrong\n")
    secret.chmod(0o600)
    assert "refuses us: Not authorized: see mqtt.username and mqtt.password_file" in complaint()
    secret.write_text("right\n")
    assert "does not accept drsn/press-04/doctor: Not authorized: may we publish" in complaint()
    tree["mqtt"]["base"] = "other"
    assert doctor(tmp_path, tree)[0] == 0
    tree["mqtt"]["tls"] = {}
    assert "does that port speak TLS," in complaint()


def test_a_secret_that_everybody_may_read_is_told(
    broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "secret").write_text("x\n")
    (tmp_path / "secret").chmod(0o644)
    tree = settings(broker.port, **SYNTH)
    tree["mqtt"] |= {"username": "a", "password_file": str(tmp_path / "secret")}
    assert f"chmod 0600 {tmp_path / 'secret'}" in wrong(doctor(tmp_path, tree)[1])[0]


def test_a_disk_without_room_for_the_outbox_is_told(
    broker: Broker, tmp_path: Path, settings: Settings
) -> None:
    tree = settings(broker.port, **SYNTH) | {"outbox": {"max_mib": 1e9}}
    (line,) = wrong(doctor(tmp_path, tree)[1])
    assert line.endswith("the outbox may take 1e+09: free some, or lower outbox.max_mib")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "stream", "url": "tcp://127.0.0.1:9", "rate_hz": 1000}, "is it plugged in"),
        ({"kind": "file", "path": "still.npy", "rate_hz": 1000}, "the signal is flat: check"),
        ({"kind": "file", "path": "short.npy", "rate_hz": 1000}, "too short: found 50 frames"),
        ({"kind": "synth", "model": "bearings"}, "model 'bearings': not in the zoo"),
    ],
    ids=["not there", "flat", "too little", "no such model"],
)
def test_what_is_wrong_with_a_source_is_told(
    broker: Broker, tmp_path: Path, settings: Settings, source: dict[str, Any], expected: str
) -> None:
    np.save(tmp_path / "still.npy", np.full(3000, 0.3))
    np.save(tmp_path / "short.npy", np.random.default_rng(0).standard_normal(50))
    if "path" in source:
        source = source | {"path": str(tmp_path / source["path"])}
    code, lines = doctor(tmp_path, settings(broker.port, **source))
    (line,) = wrong(lines)
    assert code == 1
    assert line.startswith("source bearing-de: ")
    assert expected in line


def test_a_running_agent_is_not_disturbed(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Start,
    settings: Settings,
    tmp_path: Path,
) -> None:
    tree = settings(broker.port, **SYNTH, publish_windows=True)
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("window")) > 2, 20, "windows")
    code, lines = doctor(tmp_path, tree)
    assert (code, wrong(lines)) == (0, [])
    assert any("an agent is running there" in line for line in lines)
    assert agent.stop() == 0
    assert subscriber.status()[:1] == ["online"]
    assert "lost" not in agent.logged()
