"""Exit codes mean one thing each: 75 what may pass, 65 recordings, 78 the text alone."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import tiny


def run(folder: Path, tree: dict[str, Any], *verb: str) -> subprocess.CompletedProcess[str]:
    if tree:
        (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", *(verb or ("run", "--config", "c.yaml"))]
    return subprocess.run(line, capture_output=True, text=True, timeout=30, cwd=folder)


def in_use(folder: Path, tree: dict[str, Any]) -> int:
    (folder / "state").mkdir()
    lock = os.open(folder / "state" / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def held(key: str) -> Callable[[Path, dict[str, Any]], socket.socket]:
    def hold(_folder: Path, tree: dict[str, Any]) -> socket.socket:
        other = socket.create_server(("127.0.0.1", 0))
        tree[key] = {"port": other.getsockname()[1]}
        return other

    return hold


def named(section: str, **keys: Any) -> Callable[[Path, dict[str, Any]], None]:
    def name(_folder: Path, tree: dict[str, Any]) -> None:
        tree[section] = keys

    return name


def a_file_in_the_way(folder: Path, _tree: dict[str, Any]) -> None:
    (folder / "state").touch()


def a_directory_as_outbox(folder: Path, _tree: dict[str, Any]) -> None:
    (folder / "state" / "outbox.sqlite").mkdir(parents=True)


def source(**keys: Any) -> Callable[[Path, dict[str, Any]], None]:
    def change(_folder: Path, tree: dict[str, Any]) -> None:
        tree["sources"] = [{"name": "a", "kind": "synth", "model": "./m.onnx"} | keys]

    return change


def no_configuration(_folder: Path, tree: dict[str, Any]) -> None:
    tree.clear()


def a_folder(folder: Path, tree: dict[str, Any]) -> None:
    (folder / "c.yaml").mkdir()
    tree.clear()


CONDITIONS: dict[str, tuple[Callable[[Path, dict[str, Any]], Any], str]] = {
    "state directory in use": (in_use, "is in use by another agent"),
    "state directory that cannot be made": (a_file_in_the_way, "cannot be written: File exists"),
    "outbox that cannot be opened": (a_directory_as_outbox, "the outbox cannot be opened"),
    "port of the page held": (held("page"), "Address already in use"),
    "port of the metrics held": (held("metrics"), "Address already in use"),
    "no password yet": (named("mqtt", password_file="gone"), "mqtt.password_file: found no file"),
    "no certificate yet": (named("mqtt", tls={"ca_file": "gone"}), "mqtt.tls.ca_file: found no"),
    "no token yet": (named("page", token_file="gone"), "page.token_file: gone cannot be read"),
    "no model file yet": (source(model="./gone.onnx"), "gone.onnx: found no such file"),
    "no recording yet": (source(kind="file", path="gone.wav"), "gone.wav: found no such recording"),
    "no configuration yet": (no_configuration, "c.yaml: cannot be read: No such file"),
    "a folder as configuration": (a_folder, "c.yaml: cannot be read: Is a directory"),
    "no key yet": (named("rollout", keys=["gone"]), "rollout.keys[0]: gone cannot be read"),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_that_may_pass_is_one_line_and_75(condition: str, tmp_path: Path) -> None:
    tiny.write(tmp_path / "m.onnx")
    source = {"name": "a", "kind": "synth", "model": "./m.onnx", "rate_hz": 1000}
    tree = {"agent": {"id": "a", "state_dir": str(tmp_path / "state")}, "sources": [source]}
    make, expected = CONDITIONS[condition]
    kept = make(tmp_path, tree)
    done = run(tmp_path, tree)
    if isinstance(kept, socket.socket):
        kept.close()
    assert (done.returncode, done.stderr.count("\n")) == (75, 1), done
    assert expected in done.stderr


def test_a_recording_that_cannot_be_read_is_65_in_every_verb(tmp_path: Path) -> None:
    tiny.write(tmp_path / "m.onnx")
    (tmp_path / "r.wav").write_bytes(b"RIFF, and then nothing")
    source = {"name": "a", "kind": "file", "path": "r.wav", "model": "./m.onnx"}
    tree = {"agent": {"state_dir": "state", "sink": "stdout"}, "sources": [source]}
    assert run(tmp_path, tree).returncode == 65
    assert run(tmp_path, tree, "replay", "r.wav", "--model", "./m.onnx").returncode == 65
    commission = ("commission", "--config", "c.yaml", "--source", "a", "--recordings", "r.wav")
    assert run(tmp_path, tree, *commission).returncode == 65


def test_a_fifo_that_is_not_there_yet_is_waited_for(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    settings: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "sensor"
    stream = {"kind": "stream", "url": str(fifo), "rate_hz": 1000, "publish_windows": True}
    agent = run_agent(settings(broker.port, **stream))
    eventually(lambda: "No such file" in agent.logged(), 20, "the FIFO is missed")
    os.mkfifo(fifo)
    samples = np.random.default_rng(0).integers(-999, 999, 3000, np.int16).tobytes()
    with fifo.open("wb", buffering=0) as writer:
        writer.write(samples)
        eventually(lambda: bool(subscriber.of("window")), 40, "windows")
    assert agent.stop() == 0
