"""Every way in which TLS can fail, and what the agent prints of it.

`python -m tests.mqtt.tls_table` puts the table in docs/MQTT.md; tests hold each row.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Agent, Broker, eventually
from tests.examples import DOCUMENT, put
from tests.support import tiny

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
HEAD = "| the broker, the agent | what the agent prints |\n|---|---|"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str, host: str | None = None) -> None:
    """One that signs itself; with `host`, a broker's certificate that does."""
    subject = ["-subj", f"/CN={name}"]
    if host is not None:
        subject += ["-addext", f"subjectAltName=DNS:{host}"]
    openssl(
        folder,
        *("req", "-x509", *KEY, "-nodes", "-days", "2", *subject),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )


def certificate(folder: Path, name: str, by: str, host: str, days: int = 1) -> None:
    """A certificate `name`.pem for `host`, signed by the authority `by`; days of -1: expired."""
    (folder / "names").write_text(f"subjectAltName=DNS:{host}\n")
    request = ("req", *KEY, "-nodes", "-subj", f"/CN={host}")
    openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    sign = ("x509", "-req", "-days", str(days), "-CA", f"{by}.pem", "-CAkey", f"{by}.key")
    openssl(
        folder,
        *(*sign, "-CAcreateserial", "-in", f"{name}.csr"),
        *("-out", f"{name}.pem", "-extfile", "names"),
    )


def make_pki(folder: Path) -> Path:
    for name in ("ours", "theirs"):
        authority(folder, name)
    authority(folder, "alone", "localhost")
    certificate(folder, "server", "ours", "localhost")
    certificate(folder, "elsewhere", "ours", "broker.example")
    certificate(folder, "old", "ours", "localhost", -1)
    certificate(folder, "client", "ours", "press-04")
    certificate(folder, "foreign", "theirs", "press-04")
    certificate(folder, "old-client", "ours", "press-04", -1)
    openssl(folder, *("pkey", "-aes128", "-in", "client.key", "-out", "locked.key"), *PASS)
    (folder / "text.pem").write_text("no certificate\n")
    return folder


def passwords(file: Path, **secrets: str) -> Path:
    """A password file for mosquitto."""
    file.touch()
    for user, secret in secrets.items():
        subprocess.run(["mosquitto_passwd", "-b", file, user, secret], check=True)
    return file


PASS = ("-passout", "pass:secret")


@dataclass(frozen=True)
class Case:
    """One way to fail; files are names in the folder of `make_pki`."""

    words: str
    says: str  # what a test looks for
    server: str | None = "server"  # the broker's certificate; None: it speaks no TLS
    tls: dict[str, str] | None = field(default_factory=dict)
    mutual: bool = False  # the broker asks for a certificate


OURS = {"ca_file": "ours.pem"}
MUTUAL = OURS | {"cert_file": "client.pem", "key_file": "client.key"}
CASES = (
    Case("signed by nobody whom the system knows", "nor known to the system"),
    Case("signed by another authority", "its issuer is neither", tls={"ca_file": "theirs.pem"}),
    Case("for another host", "Hostname mismatch", "elsewhere", OURS),
    Case("expired", "certificate has expired", "old", OURS),
    Case("self-signed", "self-signed certificate", "alone", OURS),
    Case("a port without TLS, the agent with", "does the port speak TLS", None, OURS),
    Case("a port with TLS, the agent without", "does the port expect TLS?", tls=None),
    Case("asks for a certificate, the agent has none", "asks for a", tls=OURS, mutual=True),
    Case(
        "asks for one, the agent's is signed by another authority",
        "does not know the issuer of our certificate",
        tls=MUTUAL | {"cert_file": "foreign.pem", "key_file": "foreign.key"},
        mutual=True,
    ),
    Case(
        "asks for one, the agent's is expired",
        "our certificate has expired",
        tls=MUTUAL | {"cert_file": "old-client.pem", "key_file": "old-client.key"},
        mutual=True,
    ),
    Case("`ca_file` is not there", "found no file", tls={"ca_file": "gone.pem"}),
    Case("`ca_file` holds no certificate", "expected PEM", tls={"ca_file": "text.pem"}),
    Case("`key_file` is another's", "not the", tls=MUTUAL | {"key_file": "foreign.key"}),
    Case("`key_file` has a passphrase", "passphrase", tls=MUTUAL | {"key_file": "locked.key"}),
    Case("`cert_file` alone", "both or neither", tls=OURS | {"cert_file": "client.pem"}),
)


def serve(broker: Broker, pki: Path, case: Case) -> Broker:
    if case.server is not None:
        broker.extra += f"cafile {pki}/ours.pem\ncertfile {pki}/{case.server}.pem\n"
        broker.extra += f"keyfile {pki}/{case.server}.key\n"
    broker.extra += "require_certificate true\n" * case.mutual
    return broker.start()


def tls_of(case: Case, pki: Path) -> dict[str, Any]:
    """For `mqtt:` in the agent's configuration."""
    if case.tls is None:
        return {"host": "localhost"}
    files = {key: str(pki / name) for key, name in case.tls.items()}
    return {"host": "localhost", "tls": files}


def refusals(agent: Agent) -> list[str]:
    """The lines that say why, in the log or on a start that fails."""
    return re.findall(r"WARNING drsn\.mqtt: (.*)|^drsn-agent: (.*)", agent.logged(), re.MULTILINE)


def printed(agent: Agent, pki: Path, port: int) -> str:
    """The first such line, without what is this run's alone."""
    eventually(lambda: bool(refusals(agent)), 15, "the refusal is told")
    line = "".join(refusals(agent)[0]).replace(f"{pki}/", "").replace(str(port), "8883")
    return re.sub(r"\S+\.yaml", "config.yaml", line)


def rows() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pki").mkdir()
        pki = make_pki(folder / "pki")
        tiny.write(folder / "tiny.onnx")
        for case in CASES:
            broker = serve(Broker(folder), pki, case)
            source = {"name": "a", "kind": "synth", "rate_hz": 1000}
            tree = {
                "agent": {"id": "press-04", "state_dir": str(folder / "state")},
                "mqtt": {"port": broker.port} | tls_of(case, pki),
                "sources": [source | {"model": str(folder / "tiny.onnx")}],
            }
            (folder / "config.yaml").write_text(yaml.safe_dump(tree))
            command = [sys.executable, "-m", "agent", "run", "--config", f"{folder}/config.yaml"]
            with (folder / "log").open("wb") as log:
                agent = Agent(subprocess.Popen(command, stderr=log), folder / "log")
            try:
                yield f"| {case.words} | `{printed(agent, pki, broker.port)}` |"
            finally:
                agent.stop()
                broker.stop()


def main() -> int:
    table = "\n".join([HEAD, *rows()])
    DOCUMENT.write_text(put(DOCUMENT.read_text(), "tls", table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
