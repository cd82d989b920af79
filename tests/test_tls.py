"""TLS as it should be: the right broker is let in, every other one is named and refused."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Agent, Broker, eventually

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    subject = ("-subj", f"/CN={name}")
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )


def certificate(folder: Path, name: str, by: str, host: str) -> None:
    """A certificate `name`.pem for `host`, signed by the authority `by`."""
    (folder / "names").write_text(f"subjectAltName=DNS:{host}\n")
    request = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}")
    openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    sign = ("x509", "-req", "-days", "1", "-CA", f"{by}.pem", "-CAkey", f"{by}.key")
    openssl(
        folder,
        *(*sign, "-CAcreateserial", "-in", f"{name}.csr"),
        *("-out", f"{name}.pem", "-extfile", "names"),
    )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    for name in ("ours", "theirs"):
        authority(folder, name)
    certificate(folder, "server", "ours", "localhost")
    certificate(folder, "elsewhere", "ours", "broker.example")
    certificate(folder, "client", "ours", "press-04")
    return folder


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


@pytest.mark.parametrize(
    ("server", "ca", "expected"),
    [
        ("server", None, "certificate verify failed"),
        ("server", "theirs.pem", "certificate verify failed"),
        ("elsewhere", "ours.pem", "Hostname mismatch"),
    ],
    ids=["unknown to the system", "another authority", "another host"],
)
def test_any_other_is_refused_in_one_line_and_nothing_is_lost(
    stopped_broker: Broker,
    pki: Path,
    run_agent: Start,
    settings: Settings,
    server: str,
    ca: str | None,
    expected: str,
) -> None:
    broker = with_tls(stopped_broker, pki, server)
    tls = {} if ca is None else {"ca_file": str(pki / ca)}
    agent = agent_with(broker, run_agent, settings, **tls)
    eventually(lambda: expected in agent.logged(), 10, "the refusal is told")
    assert "connected to" not in agent.logged()
    assert agent.stop() == 0
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
