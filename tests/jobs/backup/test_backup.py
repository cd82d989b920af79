"""A backup of a running agent brings everything to another box: ids, baselines, numbers."""

import contextlib
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from agent.cli import main
from agent.config import load
from tests.conftest import Agent, Broker, Subscriber, eventually

BASELINE = b'{"schema": "drsn-baseline/2"}'  # a file like any other, for a backup


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def verb(*words: str | Path) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main([str(word) for word in words])
    return Done(code, out.getvalue(), err.getvalue())


def waiting(outbox: Path) -> list[tuple[int, str]]:
    """Number and epoch of each message in an outbox that nobody has."""
    with contextlib.closing(sqlite3.connect(outbox)) as db:
        rows = db.execute("SELECT seq, payload FROM message ORDER BY seq").fetchall()
    return [(seq, json.loads(payload)["epoch"]) for seq, payload in rows]


@pytest.fixture
def tree(settings: Callable[..., dict[str, Any]], wav: Path, stopped_broker: Broker) -> Any:
    """An agent that has read a recording, and whose broker is away."""
    made = settings(
        stopped_broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True
    )
    made["agent"].pop("id")
    return made


def written(tree: dict[str, Any], file: Path) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(tree))
    return file


@pytest.fixture
def archive(tree: Any, tmp_path: Path, run_agent: Callable[..., Agent]) -> Path:
    """A backup that was made while the agent ran; meanwhile nothing is restored over it."""
    state = Path(tree["agent"]["state_dir"])
    agent = run_agent(tree)
    eventually((state / "outbox.sqlite").exists, 20, "the agent runs")
    eventually(lambda: "normal -> fault" in agent.logged(), 20, "the recording is read")
    for name in ("baseline-bearing-de.json", "home-assistant.json"):
        (state / name).write_bytes(BASELINE)
    file = tmp_path / "backup.zip"
    done = verb("backup", file, "--config", tmp_path / "config-0.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    refused = verb("restore", file, "--config", tmp_path / "config-0.yaml")
    assert refused.returncode == 75
    assert refused.stderr == f"drsn-agent: agent.state_dir: {state} is in use by another agent\n"
    assert not list(state.glob("before*"))
    agent.stop()
    return file


def test_a_restored_agent_goes_on_with_its_id_its_files_and_every_waiting_message(
    tree: Any,
    archive: Path,
    tmp_path: Path,
    stopped_broker: Broker,
    run_agent: Callable[..., Agent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = Path(tree["agent"]["state_dir"])
    agent_id = load.load(tmp_path / "config-0.yaml").agent.id
    assert archive.stat().st_mode & 0o777 == 0o600
    state.rename(tmp_path / "lost")
    place = tmp_path / "box" / "config.yaml"
    done = verb("restore", archive, "--config", place)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert (state / "baseline-bearing-de.json").read_bytes() == BASELINE
    assert (state / "home-assistant.json").read_bytes() == BASELINE
    restored = waiting(state / "outbox.sqlite")
    before = waiting(tmp_path / "lost" / "outbox.sqlite")
    assert restored[:-1] == before[: len(restored) - 1]  # what is newer than the backup is lost
    assert len(restored) > 40
    monkeypatch.setattr("socket.gethostname", lambda: "another-host")
    assert load.load(place).agent.id == agent_id
    stopped_broker.start()
    subscriber = Subscriber(stopped_broker.port)
    run_agent(yaml.safe_load(place.read_text())).wait()
    eventually(lambda: bool(subscriber.of("gap")), 20, "the marker comes")
    (gap,) = subscriber.records("gap")
    assert (gap["why"], gap["first_seq"], gap["last_seq"]) == ("restored", 1, restored[-2][0])
    heard = [(item["seq"], item["epoch"]) for item in subscriber.records("window")]
    assert len(set(heard)) == len(heard)
    old = {epoch for _, epoch in before}
    first_new = min(seq for seq, epoch in heard if epoch not in old)
    assert gap["epoch"] not in old
    assert first_new > gap["last_seq"]
    subscriber.close()


def test_what_was_there_is_kept_and_an_interrupted_restore_stops_every_agent(
    tree: Any, archive: Path, tmp_path: Path
) -> None:
    state = Path(tree["agent"]["state_dir"])
    (state / "baseline-bearing-de.json").write_bytes(b"newer")
    (state / "restoring").mkdir()  # as a power cut leaves it
    config = written(tree | {"metrics": {"port": 9464}}, tmp_path / "box" / "config.yaml")
    was = config.read_bytes()
    refused = verb("commission", "--source", "bearing-de", "--config", config)
    assert refused.returncode == 75
    assert "run `drsn-agent restore` again" in refused.stderr
    assert verb("restore", archive, "--config", config).returncode == 0
    (before,) = state.glob("before-restore-*")
    assert (before / "baseline-bearing-de.json").read_bytes() == b"newer"
    assert (state / "baseline-bearing-de.json").read_bytes() == BASELINE
    assert config.with_name("config.yaml.before").read_bytes() == was
    assert not (state / "restoring").exists()


@pytest.mark.parametrize("asked", [False, True])
def test_secrets_are_inside_only_where_they_are_asked_for(
    tree: Any, tmp_path: Path, asked: bool
) -> None:
    secret = tmp_path / "mqtt-password"
    secret.write_text("open sesame\n")
    tree["mqtt"] |= {"username": "press", "password_file": str(secret)}
    Path(tree["agent"]["state_dir"]).mkdir()
    config = written(tree, tmp_path / "box" / "config.yaml")
    file = tmp_path / "backup.zip"
    done = verb("backup", file, "--config", config, *(["--secrets"] if asked else []))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(file) as archive:
        assert ("secrets/mqtt-password" in archive.namelist()) == asked
    assert (f"not inside: {secret} (mqtt.password_file)" in done.stdout) != asked
    secret.unlink()
    assert verb("restore", file, "--config", config).returncode == 0
    copy = config.parent / "secrets" / "mqtt-password"
    if asked:
        assert copy.read_text() == "open sesame\n"
        assert copy.stat().st_mode & 0o777 == 0o600
    else:
        assert not copy.exists()


def test_clips_are_inside_only_where_they_are_asked_for(tree: Any, tmp_path: Path) -> None:
    clip = Path(tree["agent"]["state_dir"]) / "evidence" / "a-fault.flac"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"fLaC")
    os.link(clip, clip.with_name("hidden"))  # of no kind that an agent keeps
    for folder in ("commands", "before-restore-1", "models/incoming"):
        other = clip.parents[1] / folder / "a.json"
        other.parent.mkdir(parents=True)
        other.write_text("{}")
    config = written(tree, tmp_path / "box" / "config.yaml")
    for more in ([], ["--clips"]):
        assert verb("backup", tmp_path / "b.zip", "--config", config, *more).returncode == 0
        with zipfile.ZipFile(tmp_path / "b.zip") as archive:
            names = [name for name in archive.namelist() if "evidence" in name]
        assert names == (["state/evidence/a-fault.flac"] if more else [])
        assert not [name for name in archive.namelist() if name.endswith("a.json")]


def test_a_slip_of_the_command_line_overwrites_nothing_but_archives(
    tree: Any, tmp_path: Path
) -> None:
    config = written(tree, tmp_path / "config.yaml")
    text = config.read_bytes()
    state = Path(tree["agent"]["state_dir"])
    state.mkdir()
    (tmp_path / "link").symlink_to(config)
    os.mkfifo(tmp_path / "pipe")
    for name in ("config.yaml", "link", "pipe", "state"):
        done = verb("backup", tmp_path / name, "--config", config)
        assert done.stderr.startswith(f"drsn-agent: backup: found {tmp_path / name}, which is no")
        assert (done.returncode, done.stdout) == (1, "")
    assert config.read_bytes() == text
    (tmp_path / "backup.zip").touch()
    for _ in range(2):
        assert verb("backup", tmp_path / "backup.zip", "--config", config).returncode == 0
    assert not list(tmp_path.glob("*.new"))
