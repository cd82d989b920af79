"""`drsn-agent commission` learns a healthy machine, and `run` then tells what is unlike it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import tiny


@pytest.fixture
def plant(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A tree of settings; a healthy machine's recording, and one whose spectrum tilts midway."""
    noise = 0.1 * np.random.default_rng(3).standard_normal(320_000)
    soundfile.write(tmp_path / "healthy.wav", noise, 1000, subtype="PCM_16")
    later = 0.1 * np.random.default_rng(4).standard_normal(6000)
    later[3000:] = (later[3000:] - 0.95 * later[2999:-1]) / (1 + 0.95**2) ** 0.5  # as strong
    soundfile.write(tmp_path / "later.wav", later, 1000, subtype="PCM_16")
    tiny.write(tmp_path / "tiny.onnx")

    def settings(**source: Any) -> dict[str, Any]:
        own = {"name": "bearing-de", "model": str(tmp_path / "tiny.onnx")}
        file = {"kind": "file", "path": str(tmp_path / "later.wav")}
        tree = {"agent": {"id": "press-04", "state_dir": str(tmp_path / "state")}}
        return tree | {"sources": [own | (source or file)]}

    return settings


def commission(folder: Path, tree: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", "commission", "--config", "c.yaml", *more]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=folder)


HEALTHY = ("--source", "bearing-de", "--recordings", "healthy.wav")


def test_a_commissioned_agent_tells_what_its_network_does_not_know(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    plant: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    tree = plant() | {"mqtt": {"port": broker.port}}
    tree["agent"]["health_s"] = 0.5
    tree["sources"][0]["publish_windows"] = True
    done = commission(tmp_path, tree, *HEALTHY)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "3199 sound windows (0 flagged ones left out); the network: normal 100%" in done.stdout
    assert run_agent(tree).wait() == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    windows = subscriber.records("window")
    within = [each["anomaly"] for each in windows if each["first_sample"] <= 2800]
    beyond = [each["anomaly"] for each in windows if each["first_sample"] >= 3000]
    assert max(within) < 1 < min(beyond)
    assert {each["probabilities"]["normal"] > 0.5 for each in windows} == {True}
    states = [(each["decision"], each["previous"]) for each in subscriber.records("event")]
    assert states == [("abstain", "abstain"), ("normal", "abstain"), ("unknown", "normal")]
    assert subscriber.records("state")[-1]["anomaly"] > 1
    drift = [h["sources"]["bearing-de"]["drift"] for h in subscriber.records("health")]
    told = [each for each in drift if each is not None]
    assert told[-1] > told[0]


def test_a_live_source_is_listened_to_for_the_minutes_asked_for(
    plant: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    phase = {"duration_s": 1, "snr_db": [10, 10]}
    live = {"kind": "synth", "rate_hz": 1000, "pace": "fast", "repeat": True, "scenario": [phase]}
    done = commission(tmp_path, plant(**live), "--source", "bearing-de", "--minutes", "6")
    assert done.returncode == 0, done
    found = json.loads((tmp_path / "state" / "baseline-bearing-de.json").read_text())
    assert 360 <= found["points"][0]["seconds"] < 370
    assert found["false_alarms_per_month"] == 1.0


def test_an_agent_refuses_a_baseline_of_other_windows(
    plant: Callable[..., dict[str, Any]], run_agent: Callable[..., Agent], tmp_path: Path
) -> None:
    tree = plant()
    assert commission(tmp_path, tree, *HEALTHY).returncode == 0
    tree["sources"][0]["hop_s"] = 0.2
    agent = run_agent(tree)
    assert agent.wait() == 78
    assert "baseline-bearing-de.json: hop_s: found 0.1, expected 0.2" in agent.logged()
    assert agent.logged().count("\n") == 1
    done = commission(tmp_path, tree, *HEALTHY)  # a new one may take its place
    assert done.returncode == 0, done


@pytest.mark.parametrize(
    ("more", "code", "expected"),
    [
        (("--source", "x"), 1, "--source: found 'x', expected one of bearing-de"),
        (
            ("--source", "bearing-de", "--recordings", "healthy.wav", "--extend"),
            1,
            "--extend: found no ",
        ),
        (
            ("--source", "bearing-de", "--recordings", "none.wav"),
            75,
            "sources[0] (bearing-de): none.wav: found no such recording",
        ),
        (("--source", "bearing-de", "--minutes", "0"), 1, "--minutes: found 0.0, expected more"),
    ],
)
def test_a_commissioning_that_cannot_be_is_one_line_and_leaves_no_baseline(
    plant: Callable[..., dict[str, Any]],
    tmp_path: Path,
    more: tuple[str, ...],
    code: int,
    expected: str,
) -> None:
    done = commission(tmp_path, plant(), *more)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done
    assert done.stderr.startswith(f"drsn-agent: {expected}")
    assert not list(tmp_path.glob("state/baseline*"))


def test_seconds_make_a_provisional_baseline_that_says_so_everywhere_until_it_has_grown(
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Callable[..., Agent],
    plant: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    tree = plant() | {"mqtt": {"port": broker.port}}
    few = 0.1 * np.random.default_rng(5).standard_normal(8000)
    soundfile.write(tmp_path / "few.wav", few, 1000, subtype="PCM_16")
    short = ("--source", "bearing-de", "--recordings", "few.wav")
    done = commission(tmp_path, tree, *short)
    assert done.stdout.startswith("provisional baseline: 8 s of 300 s; let it grow with --extend")
    assert run_agent(tree).wait() == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    assert subscriber.records("info")[0]["sources"][0]["baseline"] == "provisional"
    bases = [each["basis"]["baseline"] for each in subscriber.records("event")]
    assert set(bases) == {"provisional"}
    grown = commission(tmp_path, tree, *HEALTHY, "--extend")
    assert grown.returncode == 0, grown
    assert "provisional" not in grown.stdout
    made = json.loads((tmp_path / "state" / "baseline-bearing-de.json").read_text())
    assert 320 < made["points"][0]["seconds"] < 330


def test_a_machine_that_the_network_calls_faulty_is_learned_with_a_warning(
    plant: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    loud = 0.3 * np.random.default_rng(5).standard_normal(8000)
    soundfile.write(tmp_path / "loud.wav", loud, 1000, subtype="PCM_16")
    done = commission(tmp_path, plant(), "--source", "bearing-de", "--recordings", "loud.wav")
    assert done.returncode == 0, done
    assert re.search(r"warning: the network calls \d+% of these windows faulty", done.stdout)
