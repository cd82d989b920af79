"""Files in the secrets' folder, which only root can read, as the service and as doctor see them."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import sources
from agent.config import load
from agent.config.load import Config
from agent.core import credentials, state_directory
from agent.core.types import SourceError
from agent.jobs import doctor_files
from agent.mqtt.settings import Mqtt, Tls
from tests.conftest import Broker
from tests.support import bundles

SERVICE = 54321
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Box:
    """The folder that only root can read, and the copies that systemd makes for the service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets, self.copies = folder, folder / "secrets", folder / "copies"
        self.secrets.mkdir(mode=0o700)
        self.copies.mkdir(mode=0o700)
        os.chown(self.copies, SERVICE, SERVICE)

    def put(self, name: str, content: bytes) -> str:
        (self.secrets / name).write_bytes(content)
        copy = self.copies / f"secret_{name}"
        copy.write_bytes(content)
        copy.chmod(0o400)
        os.chown(copy, SERVICE, SERVICE)
        return str(self.secrets / name)


def as_service(raw: dict[str, Any], then: Callable[[Config], None]) -> None:
    """Parses and uses a configuration as the service's user; modules are imported before."""
    "x".encode("idna")
    source = {"name": "a", "kind": "mqtt", "model": "m", "rate_hz": 1, "topic": "x"}
    load.parse({"rollout": {"keys": raw.get("rollout", {}).get("keys", ())}, "sources": [source]})
    with state_directory.acting_as(SERVICE, SERVICE):
        then(load.parse(raw))


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        box = Box(Path(folder))
        monkeypatch.setattr(credentials, "SECRETS", box.secrets)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(box.copies))
        yield box


def tree(box: Box, tmp_path: Path) -> dict[str, Any]:
    """A configuration that names a secret in every key that can."""
    key = bundles.key(tmp_path).with_suffix(".pub.pem")
    password = box.put("password", b"secret\n")
    source = {"name": "a", "kind": "mqtt", "model": "bearing", "rate_hz": 1000, "topic": "x"}
    return {
        "mqtt": {"username": "a", "password_file": password},
        "page": {"token_file": box.put("token", b"0123456789abcdef\n")},
        "rollout": {"keys": [box.put("key", key.read_bytes())]},
        "sources": [source | {"password_file": password, "tls": {"ca_file": password}}],
    }


def test_every_key_of_every_section_and_source_names_the_services_copy(
    box: Box, tmp_path: Path
) -> None:
    named: list[tuple[str, str]] = []

    def note(config: Config) -> None:
        named.extend(credentials.files(config))
        named.extend(credentials.files(config.sources[0].options))

    as_service(tree(box, tmp_path), note)
    assert [key for key, _ in named] == [
        "mqtt.password_file",
        "page.token_file",
        "rollout.keys[0]",
        "password_file",
        "tls.ca_file",
    ]
    assert {Path(file).parent for _, file in named} == {box.copies}


def test_a_source_of_kind_mqtt_logs_in_with_a_secret_that_only_root_can_read(
    box: Box, stopped_broker: Broker, tmp_path: Path
) -> None:
    password, users = secrets.token_hex(8), tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", users, "agent", password], check=True)
    stopped_broker.extra = f"allow_anonymous false\npassword_file {users}\n"
    stopped_broker.start()
    keys = {"rate_hz": 1000, "topic": "x", "port": stopped_broker.port, "username": "agent"}
    keys["password_file"] = box.put("node", f"{password}\n".encode())
    source = {"name": "a", "kind": "mqtt", "model": "bearing"}
    as_service(
        {"sources": [source | keys]},
        lambda config: sources.open_source("mqtt", config.sources[0].options).close(),
    )


def test_a_secret_that_was_not_handed_over_is_told_and_waited_for(box: Box) -> None:
    (box.secrets / "late").write_text("x")
    keys = {"rate_hz": 1000, "topic": "x", "password_file": str(box.secrets / "late")}
    source = {"name": "a", "kind": "mqtt", "model": "bearing"}

    def fails(config: Config) -> None:
        with pytest.raises(SourceError, match=r"password_file: found no file .*late that can be"):
            sources.open_source("mqtt", config.sources[0].options)

    as_service({"sources": [source | keys]}, fails)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_doctor_as_root_says_what_the_services_user_cannot_read(
    box: Box, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_files, "USER", "nobody")
    monkeypatch.setattr(doctor_files, "HIDDEN", ("/home",))
    file = box.folder / "ca.pem"
    file.touch()
    file.chmod(mode)
    config = Config(mqtt=Mqtt(tls=Tls(ca_file=str(file))))
    (finding,) = doctor_files.examine(config)
    assert finding.what == "mqtt.tls.ca_file"
    expected = "ok" if mode == 0o644 else "wrong"
    assert (finding.state, "cannot read" in finding.text) == (expected, expected == "wrong")


def test_doctor_knows_that_the_unit_hides_home_folders(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_files, "USER", "nobody")
    monkeypatch.setattr(doctor_files, "HIDDEN", (str(box.folder),))
    model = box.folder / "m.onnx"
    model.touch(0o644)
    source = {"name": "a", "kind": "synth", "model": str(model)}
    (finding,) = doctor_files.examine(load.parse({"sources": [source]}))
    assert (finding.what, finding.state) == ("sources[0].model", "wrong")
    assert "is hidden from the service" in finding.text
