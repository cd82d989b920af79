"""What a user sees: one line for a mistake, and exit codes that a supervisor can act on."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agent.inference import zoo
from tests.support import tiny


def command(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "agent", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, **how)


SYNTH = {"name": "a", "kind": "synth", "pace": "fast"}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"hop": 1}, "sources[0].hop: found an unknown key, did you mean hop_s?"),
    "wrong type": ({"hop_s": "often"}, "sources[0].hop_s: found 'often', expected a number"),
    "missing recording": (
        {"kind": "file", "path": "gone.flac"},
        "sources[0] (a): gone.flac: found no such recording, expected a file",
    ),
    "not a recording": (
        {"kind": "file", "path": __file__},
        "not a recording that can be read",
    ),
    "no rate": ({"kind": "file", "path": "x.npy"}, "expected the key rate_hz"),
    "no such model": ({"model": "bearings"}, "model 'bearings': not in the zoo"),
    "no such model file": ({"model": "./no.onnx"}, "./no.onnx: found no such file"),
    "truncated model": ({"model": "./truncated.onnx"}, "not a model that ONNX Runtime can load"),
    "other contract": ({"model": "./other.onnx"}, "found contract 'drsn-model/9', expected"),
    "no contract": ({"model": "./bare.onnx"}, "found no 'drsn' metadata, expected"),
    "labels": (
        {"model": "./labels.onnx"},
        "probabilities [batch, labels]: found [2, 2], expected [2, 3]",
    ),
    "channel count": (
        {"kind": "file", "path": "stereo.npy", "rate_hz": 1000},
        "channels: found 2 in the source, expected the 1 of the model tiny: choose",
    ),
    "channel number": (
        {"kind": "file", "path": "stereo.npy", "rate_hz": 1000, "channels": [2]},
        "channels: found [2], expected 1 of 0 to 1",
    ),
    "exit above enter": ({"decide": {"exit": 0.9}}, "decide: found exit 0.9 above enter 0.8"),
    "hop too short": ({"hop_s": 0.0001}, "hop_s: found 0.0001, expected at least 0.001"),
    "no FIFO": (
        {"kind": "stream", "url": "x.npy", "rate_hz": 1000},
        "url: found no FIFO x.npy, expected",
    ),
    "bad address": (
        {"kind": "stream", "url": "tcp://:x", "rate_hz": 1000},
        "url: found 'tcp://:x', expected tcp://HOST:PORT",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound files, and some that are not."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal(1000))
    np.save(tmp_path / "stereo.npy", np.random.default_rng(0).standard_normal((1000, 2)))
    tiny.write(tmp_path / "tiny.onnx")
    (tmp_path / "truncated.onnx").write_bytes(tiny.build()[:-100])
    contract = json.loads(tiny.contract().to_json())
    tiny.write(tmp_path / "other.onnx", metadata=json.dumps(contract | {"schema": "drsn-model/9"}))
    tiny.write(tmp_path / "bare.onnx", metadata="")
    three = json.dumps(contract | {"labels": ["normal", "loud", "odd"]})
    tiny.write(tmp_path / "labels.onnx", metadata=three)
    return tmp_path


OTHER_EXITS = {  # 78 where only the configuration's text can mend it
    "missing recording": 75,
    "no such model file": 75,
    "not a recording": 65,
    "truncated model": 1,
    "other contract": 1,
    "no contract": 1,
    "labels": 1,
}


@pytest.mark.parametrize("case", MISTAKES)
@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_mistake_is_one_line_and_its_exit_code(folder: Path, case: str, verb: str) -> None:
    changes, expected = MISTAKES[case]
    source = {"model": "./tiny.onnx"} | SYNTH | changes
    if source["kind"] != "synth":
        source = {key: value for key, value in source.items() if key != "pace"}
    tree = {"agent": {"state_dir": str(folder / "state")}, "sources": [source]}
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    done = command(verb, "--config", "c.yaml", cwd=folder)
    assert done.returncode == OTHER_EXITS.get(case, 78), done
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("drsn-agent: ")
    assert expected in done.stderr
    assert not (folder / "state").exists()


def test_a_state_directory_that_cannot_be_is_exit_75(folder: Path) -> None:
    tree = {"agent": {"state_dir": "x.npy/state"}, "sources": [SYNTH | {"model": "./tiny.onnx"}]}
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    done = command("run", "--config", "c.yaml", cwd=folder)
    assert (done.returncode, done.stderr.count("\n")) == (75, 1)
    assert "agent.state_dir: x.npy/state cannot be written" in done.stderr


def test_check_tells_what_would_run(folder: Path) -> None:
    tree = {"sources": [SYNTH | {"model": "./tiny.onnx"}]}
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    done = command("check", "--config", "c.yaml", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a: synth at 10000 Hz -> tiny 1 (float32) at 1000 Hz" in done.stdout


def test_replay_is_json_lines_and_nothing_else(folder: Path) -> None:
    replay = ("replay", "x.npy", "--model", "./tiny.onnx", "--rate-hz", "1000")
    done = command(*replay, "--start", "2026-01-02T03:04:05Z", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    windows = [each for each in records if each["schema"] == "drsn-window/1"]
    assert len(windows) == 9
    assert windows[1]["t_start"] == "2026-01-02T03:04:05.100Z"
    before = {each.name for each in folder.iterdir()}
    assert not {"lock", "outbox.sqlite"} & before


def test_replaying_twice_says_the_same(folder: Path) -> None:
    options = ("--model", "./tiny.onnx", "--rate-hz", "1000", "--start", "2026-01-02")
    fleeting = {"epoch", "t_published", "latency_ms"}

    def records() -> list[dict[str, Any]]:
        lines = command("replay", "x.npy", *options, cwd=folder).stdout.splitlines()
        return [{k: v for k, v in json.loads(line).items() if k not in fleeting} for line in lines]

    assert records() == records()


def test_what_a_replay_measures_beside_the_network_does_not_depend_on_timing(folder: Path) -> None:
    loud = 0.1 * np.random.default_rng(0).standard_normal(60_000)
    for at in range(0, 60_000, 6000):
        loud[at + 3000 : at + 6000] *= 5  # a change of state every three seconds
    np.save(folder / "changes.npy", loud)
    replay = ("replay", "changes.npy", "--model", "./tiny.onnx", "--rate-hz", "1000")

    def measured() -> list[tuple[int, Any]]:
        records = map(json.loads, command(*replay, cwd=folder).stdout.splitlines())
        events = [each for each in records if each["schema"] == "drsn-event/1"]
        return [(each["first_sample"] + each["n_samples"], each["physics"]) for each in events]

    found = measured()
    assert len(found) > 15
    expected = [min(5.0, end / 1000) for end, _ in found]  # all there is, never cut short
    assert [physics[0]["seconds"] for _, physics in found] == pytest.approx(expected)
    assert measured() == found


def test_model_prints_the_contract(folder: Path) -> None:
    done = command("model", "./tiny.onnx", cwd=folder)
    assert json.loads(done.stdout)["labels"] == ["normal", "loud"]
    assert command("model", "./bare.onnx", cwd=folder).returncode == 1


def test_model_without_a_name_lists_the_zoo() -> None:
    assert command("model").stdout.split() == list(zoo.released())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--seconds", "0"), "--seconds: found 0, expected more than 0"),
        (("--port", "99999"), "--port: found 99999, expected 1 to 65535"),
        (("--port", "BUSY"), "demo's broker: cannot listen on 127.0.0.1:"),
    ],
)
def test_a_demo_that_cannot_be_is_one_line(arguments: tuple[str, str], expected: str) -> None:
    pytest.importorskip("iotcore", reason="needs the demo extra")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = command("demo", *(a.replace("BUSY", port) for a in arguments))
    code = 75 if "BUSY" in arguments else 1
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"drsn-agent: {expected}")
    assert done.stderr.count("\n") == 1


def test_a_time_that_is_none_is_one_line(folder: Path) -> None:
    replay = ("replay", "x.npy", "--model", "./tiny.onnx", "--rate-hz", "1000")
    done = command(*replay, "--start", "noon", cwd=folder)
    expected = "drsn-agent: sources[0].start: found 'noon', expected a time like"
    assert (done.returncode, done.stderr.startswith(expected)) == (78, True)


def test_every_verb_has_help() -> None:
    listed = command("--help").stdout
    for verb in (
        "run",
        "check",
        "doctor",
        "commission",
        "demo",
        "replay",
        "record",
        "devices",
        "score",
        "bundle",
        "install",
        "model",
        "train",
        "export",
        "quantize",
        "evaluate",
    ):
        assert re.search(rf"(?m)^    {verb}\b", listed)
        assert command(verb, "--help").returncode == 0


def test_a_reader_that_leaves_is_no_traceback(folder: Path) -> None:
    line = f"{sys.executable} -m agent model ./tiny.onnx | head -c 1"
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_a_replay_ends_it_without_a_word(folder: Path) -> None:
    np.save(folder / "long.npy", np.random.default_rng(0).standard_normal(400_000))
    replay = f"{sys.executable} -m agent replay long.npy --rate-hz 2000 --model ./tiny.onnx"
    line = f"({replay}; echo $? > code) | head -n 1"
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert (folder / "code").read_text() == "1\n"


def test_check_says_where_a_network_that_reads_the_speed_is_not_told_it(tmp_path: Path) -> None:
    def checked(keys: dict[str, Any]) -> str:
        source = {"name": "s", "kind": "synth", "model": "bearing-orders"} | keys
        (tmp_path / "c.yaml").write_text(json.dumps({"sources": [source]}))
        return command("check", "--config", "c.yaml", cwd=tmp_path).stdout

    assert "rpm or tacho is missing" in checked({})
    assert "missing" not in checked({"rpm": 1797})
