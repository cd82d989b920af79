"""TLS as it should be: the right broker is let in, every other one is named and refused."""

import os
import shutil
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.mqtt import settings as mqtt_settings
from agent.mqtt.settings import Tls
from tests.conftest import Agent, Broker, eventually
from tests.examples import DOCUMENT
from tests.mqtt import tls_table
from tests.mqtt.tls_table import Case

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tls_table.make_pki(tmp_path_factory.mktemp("pki"))


def with_tls(broker: Broker, pki: Path, server: str, extra: str = "") -> Broker:
    broker.extra += f"cafile {pki}/ours.pem\ncertfile {pki}/{server}.pem\n"
    broker.extra += f"keyfile {pki}/{server}.key\n{extra}"
    return broker.start()


def agent_with(broker: Broker, run_agent: Start, settings: Settings, **tls: str | bool) -> Agent:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= {"host": "localhost", "tls": tls}
    return run_agent(tree)


def test_a_broker_that_our_authority_vouches_for_is_let_in(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings
) -> None:
    broker = with_tls(stopped_broker, pki, "server")
    agent = agent_with(broker, run_agent, settings, ca_file=str(pki / "ours.pem"))
    eventually(lambda: "connected to" in agent.logged(), 10, "connected")
    assert agent.stop() == 0
    assert "0 message(s) left" in agent.logged()


def test_an_authority_that_the_system_knows_needs_no_file(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings
) -> None:
    broker = with_tls(stopped_broker, pki, "server")
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= {"host": "localhost", "tls": {}}
    agent = run_agent(tree, env=os.environ | {"SSL_CERT_FILE": str(pki / "ours.pem")})
    eventually(lambda: "connected to" in agent.logged(), 10, "connected")
    assert agent.stop() == 0


def test_a_certificate_without_key_identifiers_is_accepted_as_before_python_3_13(
    stopped_broker: Broker, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ssl.create_default_context

    def strict(cafile: str | None) -> ssl.SSLContext:
        context = usual(cafile=cafile)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    broker = with_tls(stopped_broker, pki, "server")
    context = mqtt_settings.context(Tls(ca_file=str(pki / "ours.pem")))
    with (
        socket.create_connection(("localhost", broker.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        assert encrypted.version() is not None


@pytest.mark.parametrize("case", tls_table.CASES, ids=lambda case: case.words)
def test_any_other_is_refused_in_the_line_that_the_document_shows(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings, case: Case
) -> None:
    broker = tls_table.serve(stopped_broker, pki, case)
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= tls_table.tls_of(case, pki)
    agent = run_agent(tree)
    line = tls_table.printed(agent, pki, broker.port)
    assert case.says in line
    assert f"| {case.words} | `{line}` |" in DOCUMENT.read_text()
    assert "connected to" not in agent.logged()
    ends_itself = line.startswith("config.yaml")
    assert agent.wait(15) in (1, 75, 78) if ends_itself else agent.stop(15) == 0
    assert "Traceback" not in agent.logged()


def test_insecure_is_possible_and_warned_of(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings
) -> None:
    broker = with_tls(stopped_broker, pki, "elsewhere")
    agent = agent_with(broker, run_agent, settings, insecure=True)
    eventually(lambda: "connected to" in agent.logged(), 10, "connected")
    assert "WARNING drsn.mqtt: mqtt.tls.insecure" in agent.logged()
    assert agent.stop() == 0


def test_a_broker_that_asks_for_a_certificate_is_given_ours(
    stopped_broker: Broker, pki: Path, run_agent: Start, settings: Settings
) -> None:
    broker = with_tls(stopped_broker, pki, "server", "require_certificate true\n")
    ours = {"ca_file": str(pki / "ours.pem")}
    without = agent_with(broker, run_agent, settings, **ours)
    eventually(lambda: "WARNING drsn.mqtt" in without.logged(), 15, "refused without")
    assert "connected to" not in without.logged()
    assert without.stop() == 0
    pair = {"cert_file": str(pki / "client.pem"), "key_file": str(pki / "client.key")}
    agent = agent_with(broker, run_agent, settings, **ours, **pair)
    eventually(lambda: "connected to" in agent.logged(), 10, "connected")
    assert agent.stop() == 0
