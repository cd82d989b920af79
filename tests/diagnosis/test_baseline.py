"""A machine is learned while it is healthy; what is unlike it is told, and nothing else changes."""

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
import yaml

from agent.core import state_directory
from agent.core.errors import ConfigError, UserError
from agent.core.model_contract import Decide
from agent.core.types import Mark, Prediction
from agent.diagnosis.baseline import file as record
from agent.diagnosis.baseline import states, tail
from agent.diagnosis.baseline.features import BANDS, PER_CHANNEL, features
from agent.diagnosis.baseline.file import Baseline, Frame
from agent.diagnosis.baseline.fit import fit
from agent.diagnosis.baseline.monitor import Monitor
from agent.diagnosis.decision import Decider, Judge
from tests.conftest import Agent, Broker, Subscriber, eventually, recording
from tests.support import tiny

RNG = np.random.default_rng(0)
FRAME = Frame(rate_hz=1000.0, window=200, channels=None, scale=1.0, hop_s=0.1, patience=3)
NORMAL, LOUD = Prediction((0.9, 0.1)), Prediction((0.1, 0.9))


@functools.cache
def healthy(windows: int, seed: int = 0) -> np.ndarray:
    """Features of noise [windows, features]."""
    signal = np.random.default_rng(seed).standard_normal((windows, 1, 200))
    return np.stack([features(each) for each in 0.1 * signal])


@functools.cache
def baseline() -> Baseline:
    return msgspec.structs.replace(fit([healthy(3100)], FRAME, 1.0), source="bearing-de")


def decider() -> Decider:
    return Decider(Judge(tiny.LABELS, frozenset({"normal"}), 0.5), Decide(smoothing=1.0))


def test_ten_times_as_strong_is_twenty_decibels_and_the_same_shape() -> None:
    samples = RNG.standard_normal((2, 4096)).astype(np.float32)
    change = (features(10 * samples) - features(samples)).reshape(2, PER_CHANNEL)
    assert change[:, : BANDS + 1] == pytest.approx(20.0, abs=0.01)
    assert change[:, BANDS + 1 :] == pytest.approx(0.0, abs=0.01)


def test_a_tone_is_in_its_own_band() -> None:
    tone = np.sin(2 * np.pi * 0.2 * np.arange(4096))[None].astype(np.float32)  # 0.4 of Nyquist
    assert int(np.argmax(features(tone)[:BANDS])) == int(0.4 / 0.9 * BANDS)


def test_a_window_of_silence_has_features() -> None:
    assert np.isfinite(features(np.zeros((1, 200), np.float32))).all()


def test_one_way_of_running_is_one_state_and_three_are_three() -> None:
    one = RNG.standard_normal((300, 31))
    assert len(states.learn(one)) == 1
    learned = states.learn(np.concatenate([one, one[:200] + 12, one[:100] - 15]))
    assert sorted(state.share for state in learned) == pytest.approx(
        [1 / 6, 1 / 3, 1 / 2], abs=0.01
    )


def test_every_state_is_healthy_and_what_lies_between_them_is_not() -> None:
    one = RNG.standard_normal((300, 31))
    learned = states.learn(np.concatenate([one, one + 20]))

    def apart(row: np.ndarray) -> float:
        return states.distance(states.deviations(learned, row))

    assert max(apart(one[0]), apart(one[0] + 20)) < 4
    assert apart(one[0] + 10) > 6


def test_a_few_odd_windows_are_no_state_of_their_own() -> None:
    rows = RNG.standard_normal((300, 31))
    rows[:5] += 40
    assert len(states.learn(rows)) == 1


@pytest.mark.parametrize("per_month", [1.0, 100.0])
def test_a_threshold_beyond_the_data_is_near_the_truth_of_an_exponential_tail(
    per_month: float,
) -> None:
    found = [
        tail.threshold(np.random.default_rng(seed).exponential(1.0, 2000), 10.0, per_month)
        for seed in range(20)
    ]
    truth = np.log(tail.MONTH_S / 10.0 / per_month)
    assert np.median([each.distance for each in found]) == pytest.approx(truth, rel=0.25)
    assert found[0].decades == pytest.approx(
        np.log10(tail.MONTH_S / 10 / per_month / 2000), abs=0.01
    )


def test_a_rarer_alarm_needs_a_higher_threshold() -> None:
    largest = RNG.exponential(1.0, 200)
    thresholds = [tail.threshold(largest, 10.0, each).distance for each in (100, 10, 1, 0.1)]
    assert thresholds == sorted(set(thresholds))


def test_what_is_held_is_what_all_windows_in_a_row_exceed() -> None:
    assert tail.held(np.asarray([1.0, 5.0, 4.0, 6.0, 2.0]), 3).tolist() == [1.0, 4.0, 2.0]
    assert tail.held(np.asarray([1.0]), 3).tolist() == []


def test_a_machine_that_wanders_has_wider_bounds() -> None:
    wandering = healthy(3100) + np.linspace(-4, 4, 3100)[:, None]
    assert fit([wandering], FRAME, 1.0).threshold > 1.5 * baseline().threshold


@pytest.mark.parametrize("runs", [[], [healthy(10)], [healthy(100, seed) for seed in range(29)]])
def test_too_little_to_learn_from_is_refused(runs: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match=r"s of sound windows, expected at least 300 s"):
        fit(runs, FRAME, 1.0)


def test_new_healthy_windows_are_within_and_a_tone_of_the_same_strength_is_not() -> None:
    monitor = Monitor(baseline())
    assert monitor.drift is None
    noise = 0.1 * np.random.default_rng(9).standard_normal((300, 1, 200))
    assert np.mean([monitor.anomaly(each.astype(np.float32)) > 1 for each in noise]) < 0.01
    assert monitor.drift is not None
    assert monitor.drift < 0.2
    tone = 0.14 * np.sin(np.arange(200, dtype=np.float32))[None]
    assert monitor.anomaly(tone) > 2


def test_a_shift_too_small_for_any_window_is_told_as_drift() -> None:
    monitor, before = Monitor(baseline()), Monitor(baseline())
    noise = 0.1 * np.random.default_rng(9).standard_normal((300, 1, 200)).astype(np.float32)
    drowned = np.mean([monitor.anomaly(1.2 * each) > 1 for each in noise])
    for each in noise:
        before.anomaly(each)
    assert drowned < 0.01
    assert monitor.drift is not None
    assert before.drift is not None
    assert monitor.drift > 3 * before.drift


def test_normal_but_unlike_the_baseline_becomes_unknown_after_patience() -> None:
    decide = decider()
    found = [decide.update(Mark(0), NORMAL, anomaly) for anomaly in (0.5, 0.5, 0.5, 1.5, 1.5, 1.5)]
    assert [verdict.decision for verdict, _ in found] == ["normal"] * 3 + ["unknown"] * 3
    assert [event and event.decision for _, event in found] == [
        "abstain",
        None,
        "normal",
        None,
        None,
        "unknown",
    ]
    for anomaly in (0.9, 0.9, 0.9):
        verdict, event = decide.update(Mark(0), NORMAL, anomaly)
    assert (verdict.decision, event and event.decision) == ("normal", "normal")


def test_a_fault_that_the_network_knows_stays_a_fault() -> None:
    decide = decider()
    for _ in range(3):
        verdict, event = decide.update(Mark(0), LOUD, 9.0)
    assert (verdict.label, event and event.label) == ("loud", "loud")


def test_without_a_baseline_nothing_changes() -> None:
    decide = decider()
    assert decide.update(Mark(0), NORMAL)[0] == decide.update(Mark(0), NORMAL, None)[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for another user")
def test_what_root_learns_and_locks_belongs_to_the_agents_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    os.close(state_directory.claim(tmp_path))
    record.save(baseline(), tmp_path)
    made = {file.name: file.stat().st_uid for file in tmp_path.iterdir()}
    assert made == {"lock": 65534, "baseline-bearing-de.json": 65534}


def test_a_baseline_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = baseline()
    assert record.load(tmp_path, "bearing-de", FRAME) is None
    assert record.load(tmp_path / "none", "bearing-de", FRAME) is None
    record.save(saved, tmp_path)
    assert record.load(tmp_path, "bearing-de", FRAME) == saved


OTHER = {"rate_hz": 500.0, "window": 100, "channels": (1,), "scale": 2.0, "hop_s": 0.2}


@pytest.mark.parametrize("key", [*OTHER, "patience"])
def test_a_baseline_that_does_not_fit_is_one_line_that_names_why(tmp_path: Path, key: str) -> None:
    record.save(baseline(), tmp_path)
    frame = msgspec.structs.replace(FRAME, **{key: (OTHER | {"patience": 9})[key]})
    with pytest.raises(ConfigError) as error:
        record.load(tmp_path, "bearing-de", frame)
    file = tmp_path / "baseline-bearing-de.json"
    assert str(error.value).startswith(f"{file}: {key}: found {getattr(FRAME, key)}, expected ")
    assert "commission the source again" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not a baseline"),
        ('{"schema": "drsn-baseline/9"}', "found schema 'drsn-baseline/9', expected"),
        ('{"schema": "drsn-baseline/1"}', "not a baseline"),
        ("[]", "not a baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "baseline-bearing-de.json").write_text(text)
    with pytest.raises(ConfigError, match=expected) as error:
        record.load(tmp_path, "bearing-de", FRAME)
    assert "\n" not in str(error.value)


def test_a_kill_while_saving_leaves_the_old_baseline_or_the_new_one(tmp_path: Path) -> None:
    record.save(baseline(), tmp_path)
    script = (
        "import msgspec, sys; from pathlib import Path\n"
        "from agent.diagnosis.baseline import file as record\n"
        "folder = Path(sys.argv[1])\n"
        "old = msgspec.json.decode(record.path(folder, 'bearing-de').read_bytes(), "
        "type=record.Baseline)\n"
        "print('ready', flush=True)\n"
        "for n in range(10**9):\n"
        "    record.save(msgspec.structs.replace(old, windows=n), folder)\n"
    )
    for wait_s in (0.0, 0.013, 0.031, 0.057):
        saver = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert saver.stdout is not None
        saver.stdout.readline()
        time.sleep(wait_s)  # to be somewhere else in the middle each time
        saver.kill()
        saver.wait()
        assert record.load(tmp_path, "bearing-de", FRAME) is not None


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
    assert 3600 <= found["windows"] < 3700
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
            ("--source", "bearing-de", "--recordings", "later.wav"),
            1,
            "found 6 s of sound windows, expected at least 300 s",
        ),
        (
            ("--source", "bearing-de", "--recordings", "none.wav"),
            78,
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


def test_bearings_that_ran_to_failure_are_told_before_and_not_at_once() -> None:
    from agent.diagnosis.baseline.fit import LEAST_DISTANCE
    from models.experiments.femto import alarm, lives

    folder = recording("femto", "manifest.csv").parent
    alarms = [alarm(life, LEAST_DISTANCE) for life in lives(folder)]
    assert sum(at is not None and at < 0.9 for at in alarms) >= 10
    assert sum(at is None or at >= 0.4 for at in alarms) >= 10
