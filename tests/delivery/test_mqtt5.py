"""What MQTT 5 and access control add, against a real mosquitto."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.core import credentials
from tests.conftest import Agent, Broker, eventually
from tests.faults.proxy import Proxy
from tests.mqtt import tls_table
from tests.support.listening import Listening
from tests.support.paths import PROJECT

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
DEPLOY = PROJECT / "deploy" / "mosquitto"


def test_a_message_says_what_it_holds_and_only_windows_expire(
    broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    tree["mqtt"]["window_expiry_s"] = 120
    with Listening(broker.port) as listening:
        assert run_agent(tree).wait() == 0
        listening.until_offline()
    for last in ("window", "state", "event", "info"):
        for packet in listening.packets(last):
            properties = packet["properties"]
            assert properties["content-type"] == "application/json"
            assert properties["user-properties"] == {
                "schema": f"drsn-{last}/1",
                "version": __version__,
            }
            expiry_s = properties.get("message-expiry-interval")
            assert (expiry_s in (119, 120)) if last == "window" else expiry_s is None
    texts = [packet["properties"]["content-type"] for packet in listening.packets("status")]
    assert texts == ["text/plain", "text/plain"]


def test_an_old_broker_gets_the_same_payloads_over_3_1_1(
    broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    tree["mqtt"]["version"] = "3.1.1"
    with Listening(broker.port) as listening:
        assert run_agent(tree).wait() == 0
        listening.until_offline()
    assert len(listening.of("window")) == 69
    assert not any(packet.get("properties") for packet in listening.received)


def await_connections(agent: Agent, count: int) -> None:
    eventually(lambda: agent.logged().count("connected to") == count, 20, "connected")


@pytest.mark.parametrize(("will_delay_s", "offline"), [(3, False), (0, True)])
def test_a_cable_that_flaps_does_not_make_the_agent_flap(
    broker: Broker, run_agent: Start, settings: Settings, will_delay_s: int, offline: bool
) -> None:
    with Proxy(broker.port) as cable, Listening(broker.port) as listening:
        tree = settings(cable.port, kind="synth", rate_hz=1000, publish_windows=True)
        tree["mqtt"]["will_delay_s"] = will_delay_s
        agent = run_agent(tree)
        for online in (1, 2, 3):
            await_connections(agent, online)
            heard = len(listening.of("window"))
            listening.until("window", heard + 3)
            cable.cut()
        await_connections(agent, 4)
        assert agent.stop() == 0
        listening.until_offline()
    told_offline = [each["payload"] for each in listening.packets("status")].count("offline")
    assert told_offline == (4 if offline else 1)  # the last is its farewell


def test_the_receive_maximum_of_the_broker_is_kept(
    stopped_broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    """mosquitto disconnects who sends more than it allows."""
    stopped_broker.extra += "max_inflight_messages 2\nlog_type all\n"
    broker = stopped_broker.start()
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    with Listening(broker.port) as listening:
        agent = run_agent(tree)
        assert agent.wait() == 0
        listening.until_offline()
    assert len(listening.of("window")) == 69
    assert agent.logged().count("connected to") == 1


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tls_table.make_pki(tmp_path_factory.mktemp("pki"))
    tls_table.certificate(folder, "dashboard", "ours", "dashboard")
    return folder


def deployed(broker: Broker, pki: Path) -> Broker:
    """With the configuration that comes with the project, on this test's port and files."""
    text = (DEPLOY / "mosquitto.conf").read_text()
    for name, file in (("ca.pem", "ours.pem"), ("server.pem", "server.pem")):
        text = text.replace(f"/etc/mosquitto/certs/{name}", f"{pki}/{file}")
    text = text.replace("/etc/mosquitto/certs/server.key", f"{pki}/server.key")
    acl = shutil.copy(DEPLOY / "acl", broker.folder / "acl")
    text = text.replace("/etc/mosquitto/acl", str(acl))
    broker.extra = re.sub(r"^(listener|persistence) .*\n", "", text, flags=re.MULTILINE)
    return broker.start()


def certificates(pki: Path, name: str) -> tuple[str, ...]:
    """For mosquitto's own clients."""
    files = {"--cafile": "ours.pem", "--cert": f"{name}.pem", "--key": f"{name}.key"}
    return tuple(part for option, file in files.items() for part in (option, str(pki / file)))


def test_an_agent_can_publish_below_its_own_id_and_nowhere_else(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings
) -> None:
    broker = deployed(stopped_broker, pki)
    tls = {"ca_file": str(pki / "ours.pem"), "cert_file": str(pki / "client.pem")}
    tls |= {"key_file": str(pki / "client.key")}  # of press-04
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= {"host": "localhost", "tls": tls}
    dashboard = certificates(pki, "dashboard")
    with Listening(broker.port, host="localhost", extra=dashboard) as listening:
        agent = run_agent(tree)
        listening.until("state")
        assert agent.stop() == 0
        listening.until_offline()
        heard = len(listening.received)
        foreign = tree | {"agent": {"id": "press-05", "state_dir": str(broker.folder / "05")}}
        agent = run_agent(foreign)
        told = "the broker refuses all messages (Not authorized): they wait"
        eventually(lambda: told in agent.logged(), 20, "refused, and told")
        assert agent.stop() == 0
        publish = ["mosquitto_pub", "-h", "localhost", "-p", str(broker.port), "-V", "mqttv5"]
        publish += [*certificates(pki, "client"), "-q", "1", "-m", "x", "-t"]
        topics = ("drsn/press-05/a/state", "drsn/press-05/status", "drsn/press-04/a/mark")
        for topic in topics:
            subprocess.run([*publish, topic], check=False, capture_output=True)
        listening.until("mark")
        assert [each["topic"] for each in listening.received[heard:]] == [topics[-1]]


def test_a_fleets_models_are_announced_by_the_dashboard_alone_and_heard_by_every_agent(
    stopped_broker: Broker, pki: Path
) -> None:
    broker = deployed(stopped_broker, pki)

    def run(program: str, who: str, *more: str) -> str:
        line = [program, "-h", "localhost", "-p", str(broker.port), "-V", "mqttv5", "-q", "1"]
        line += ["--cafile", f"{pki}/ours.pem", "--cert", f"{pki}/{who}.pem"]
        line += ["--key", f"{pki}/{who}.key", "-t", "drsn/fleet/models/bearing", *more]
        done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=30)
        return done.stdout

    for who, message in (("dashboard", "genuine"), ("client", "forged")):
        run("mosquitto_pub", who, "-r", "-m", message)
    assert run("mosquitto_sub", "client", "-C", "1", "-W", "20") == "genuine\n"


def test_a_systemd_credential_is_a_password_and_its_absence_is_told(
    stopped_broker: Broker,
    run_agent: Start,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = tls_table.passwords(tmp_path / "passwords", agent="secret")
    stopped_broker.extra = f"password_file {passwords}\n"
    broker = stopped_broker.start()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "secret_mqtt-password").write_text("secret\n")
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    file = str(credentials.SECRETS / "mqtt-password")
    tree["mqtt"] |= {"username": "agent", "password_file": file}
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    agent = run_agent(tree)
    eventually(lambda: "connected to" in agent.logged(), 10, "connected")
    assert agent.stop() == 0
