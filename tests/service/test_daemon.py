"""The real process with a real broker: exact, in order, and honest at every end."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.acquisition.resampling import resample
from tests.conftest import Agent, Broker, Subscriber, eventually, recording

BEARING = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}  # an SKF 6205

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def unix_ms(stamp: str) -> int:
    return int(np.datetime64(stamp.rstrip("Z"), "ms").astype(int))


def test_a_recording_becomes_exactly_its_windows_in_order_each_once(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    agent = run_agent(tree)
    assert agent.wait() == 0, agent.logged()
    eventually(lambda: subscriber.status() == ["online", "offline"], 5, "status offline")
    windows = subscriber.records("window")
    assert len(windows) == (7000 - 200) // 100 + 1
    assert [w["first_sample"] for w in windows] == list(range(0, 6801, 100))
    starts = [unix_ms(w["t_start"]) for w in windows]
    assert {after - before for before, after in pairwise(starts)} == {100}
    seqs = [each.record["seq"] for each in subscriber.received if each.last in ("window", "event")]
    assert seqs == sorted(set(seqs))
    assert len({w["epoch"] for w in windows}) == 1


def test_real_bearing_recordings_give_every_window_after_resampling(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    path = recording("cwru", "12k_DE", "DE12k_outer_7mil_at6_2hp.flac")
    source = {"kind": "file", "path": str(path), "pace": "fast", "channels": [0]}
    tree = settings(broker.port, **source, publish_windows=True, model="bearing", hop_s=0.05)
    tree["sources"][0] |= {"rpm": 1750, "bearing": BEARING}
    assert run_agent(tree).wait() == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    info = subscriber.records("info")[0]["sources"][0]
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    frames = len(resample(samples[:, 0], rate_hz, info["rate_hz"]))
    window, hop = round(info["window_s"] * info["rate_hz"]), round(0.05 * info["rate_hz"])
    windows = subscriber.records("window")
    assert [w["first_sample"] for w in windows] == list(range(0, frames - window + 1, hop))
    labels = [w["label"] for w in windows]
    assert labels.count("outer") > 0.9 * len(labels)
    assert subscriber.records("state")[-1]["label"] == "outer"


def scored(lines: bytes) -> list[str]:
    """Label and probabilities of each window, as the bytes they came in."""
    found = []
    for line in lines.splitlines():
        if b'"drsn-window/1"' in line:
            record = json.loads(line)
            found.append(json.dumps([record["label"], record["probabilities"], record["flags"]]))
    return found


@pytest.mark.parametrize("block", [64, 1000, 4097, 120_000])
def test_a_stream_in_any_blocks_says_to_the_byte_what_a_replay_says(
    tmp_path: Path, block: int
) -> None:
    path = recording("cwru", "12k_DE", "DE12k_inner_14mil_1hp.flac")
    replay = [sys.executable, "-m", "agent", "replay", str(path)]
    replay += ["--model", "bearing", "--channels", "0"]
    expected = scored(subprocess.run(replay, capture_output=True, check=True).stdout)
    assert len(expected) > 90
    samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    config = tmp_path / "stream.json"
    source: dict[str, Any] = {"name": "s", "kind": "stream", "model": "bearing", "channels": [0]}
    source |= {"rate_hz": rate_hz, "interleaved": 2, "publish_windows": True}
    config.write_text(json.dumps({"agent": {"sink": "stdout"}, "sources": [source]}))
    command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
    with (tmp_path / "out").open("wb") as out:
        agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out)
    assert agent.stdin is not None
    for first in range(0, len(samples), block):
        agent.stdin.write(samples[first : first + block].tobytes())
        agent.stdin.flush()
    agent.stdin.close()
    assert agent.wait(60) == 0
    assert scored((tmp_path / "out").read_bytes()) == expected


def test_sigterm_drains_says_offline_and_ends_with_zero(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("window")) >= 5, 20, "windows")
    assert agent.stop(within_s=5) == 0
    eventually(lambda: subscriber.status()[-1] == "offline", 2, "status offline")
    late = Subscriber(broker.port, "drsn/press-04/#")
    eventually(lambda: bool(late.of("status")), 2, "retained status")
    assert late.of("status")[0].payload == b"offline"
    assert late.of("status")[0].retained
    late.close()
    windows = subscriber.records("window")
    last = windows[-1]
    assert [w["first_sample"] for w in windows] == list(range(0, last["first_sample"] + 1, 100))
    assert "0 message(s) left in the outbox" in agent.logged()


def test_sigkill_leaves_the_last_will(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000))
    eventually(lambda: subscriber.status() == ["online"], 20, "status online")
    agent.process.kill()
    eventually(lambda: subscriber.status() == ["online", "offline"], 5, "the last will")


def test_a_broker_that_comes_late_gets_everything(
    stopped_broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(
        stopped_broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True
    )
    agent = run_agent(tree)
    eventually(lambda: "fault loud" in agent.logged(), 20, "scored")
    eventually(lambda: "cannot connect" in agent.logged(), 10, "the absence is told")
    assert agent.process.poll() is None
    subscriber = Subscriber(stopped_broker.start().port)
    assert agent.wait(60) == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    assert len(subscriber.of("window")) == 69
    subscriber.close()


def test_without_a_broker_sigterm_still_ends_in_time_and_a_restart_delivers(
    stopped_broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(
        stopped_broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True
    )
    first = run_agent(tree)
    eventually(lambda: "fault loud" in first.logged(), 20, "scored")
    assert first.stop(within_s=5) == 0
    left = int(first.logged().rsplit(" message(s) left", 1)[0].rsplit(" ", 1)[1])
    assert left > 30
    subscriber = Subscriber(stopped_broker.start().port)
    assert run_agent(tree).wait(60) == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    seqs = [
        each.record["seq"]
        for each in subscriber.received
        if each.last in ("window", "event", "state")
    ]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > left + 69
    assert len({each.record["epoch"] for each in subscriber.of("window")}) == 1
    subscriber.close()


def test_a_broker_that_restarts_gets_the_rest(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    subscriber = Subscriber(broker.port)
    tree = settings(broker.port, kind="synth", rate_hz=1000, publish_windows=True)
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("window")) >= 5, 20, "windows")
    broker.stop()
    subscriber.close()
    eventually(lambda: "cannot connect" in agent.logged(), 10, "the loss is noticed")
    broker.start()
    again = Subscriber(broker.port)
    eventually(lambda: len(again.of("window")) >= 20, 30, "windows again")
    heard = [w["first_sample"] for w in subscriber.records("window") + again.records("window")]
    assert sorted(set(heard)) == list(range(0, max(heard) + 1, 100))
    assert agent.stop() == 0
    again.close()


def test_several_sources_share_one_agent(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings, wav: Path
) -> None:
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast", publish_windows=True)
    second = {"kind": "synth", "pace": "fast", "rate_hz": 1000, "scenario": [{"duration_s": 5}]}
    tree["sources"].append(tree["sources"][0] | {"name": "motor"} | second)
    del tree["sources"][1]["path"]
    assert run_agent(tree).wait() == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    by_source = [w["source"] for w in subscriber.records("window")]
    assert (by_source.count("bearing-de"), by_source.count("motor")) == (69, 49)
    topics = {each.topic for each in subscriber.of("state")}
    assert topics == {"drsn/press-04/bearing-de/state", "drsn/press-04/motor/state"}


def test_states_are_retained_and_events_are_not(
    broker: Broker, run_agent: Start, settings: Settings, wav: Path
) -> None:
    assert run_agent(settings(broker.port, kind="file", path=str(wav), pace="fast")).wait() == 0
    late = Subscriber(broker.port)
    eventually(lambda: bool(late.of("state")), 5, "retained state")
    assert late.records("state")[0]["label"] == "loud"
    assert {each.last for each in late.received} == {"status", "info", "state"}
    late.close()


def test_health_is_told(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    tree["agent"]["health_s"] = 0.5
    agent = run_agent(tree)
    eventually(lambda: len(subscriber.of("health")) >= 2, 20, "health")
    health = subscriber.records("health")[-1]
    assert health["mqtt"] == {"state": "connected", "why": None, "connects": 1}
    assert health["outbox"]["trouble"] is None
    assert 0 < health["process"]["rss_mib"] <= health["process"]["rss_peak_mib"]
    assert 0 <= health["latency_ms"]["scored"][0] <= health["latency_ms"]["scored"][1]
    assert health["sources"]["bearing-de"]["samples"] > 0
    assert health["sources"]["bearing-de"]["overrun"] == 0
    assert agent.stop() == 0


def test_an_event_carries_what_the_signal_shows_without_the_network(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    orders = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
    machine = {"rpm": 1797, "bearing": orders, "machine_class": "group2-rigid", "unit": "m/s2"}
    healthy = {"duration_s": 3, "snr_db": [5, 5]}
    scenario = [healthy, healthy | {"fault": "outer", "duration_s": 8}]
    source = {"kind": "synth", "pace": "fast", "model": "bearing", "scenario": scenario}
    tree = settings(broker.port, **source, **machine, publish_windows=True)
    assert run_agent(tree).wait() == 0
    eventually(lambda: "offline" in subscriber.status(), 5, "status offline")
    events = subscriber.records("event")
    assert (events[-1]["label"], len(events[-1]["physics"])) == ("outer", 1)
    (found,) = events[-1]["physics"]
    assert (found["shows"], found["zone"]) == ("bpfo", "A")
    # A shaft of 0.3 m/s2 at 30, 60 and 120 Hz, a mesh of 0.4 at 689 Hz: 1.14 mm/s, by hand. The
    # strikes and the noise add a little.
    assert 1.14 < found["velocity_mm_s"] < 1.25
    assert events[0]["physics"][0]["evidence_db"] is None  # the first window is too short for it
    assert subscriber.records("state")[-1]["physics"] == events[-1]["physics"]
    assert {each["physics"] for each in subscriber.records("window")} == {None}
    info = subscriber.records("info")[0]["sources"][0]
    assert (info["rpm"], info["bearing"], info["machine_class"]) == (1797, orders, "group2-rigid")


def test_a_second_agent_is_kept_out_of_the_state_directory(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, kind="synth", rate_hz=1000)
    first = run_agent(tree)
    eventually(lambda: subscriber.status() == ["online"], 20, "status online")
    second = run_agent(tree)
    assert second.wait(20) == 75
    assert "is in use by another agent" in second.logged()
    assert first.stop() == 0


@pytest.mark.parametrize("version", [5, "3.1.1"])
def test_a_wrong_password_is_named_and_tried_again_calmly(
    stopped_broker: Broker, run_agent: Start, settings: Settings, version: int | str
) -> None:
    passwords = stopped_broker.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "agent", "right"], check=True)
    stopped_broker.extra = f"password_file {passwords}\n"
    stopped_broker.start()
    secret = stopped_broker.folder / "secret"
    secret.write_text("wrong-secret\n")
    tree = settings(stopped_broker.port, kind="synth", rate_hz=1000)
    tree["mqtt"] |= {"username": "agent", "password_file": str(secret), "version": version}
    agent = run_agent(tree)
    eventually(lambda: "refused" in agent.logged(), 10, "the refusal is told")
    assert "wrong-secret" not in agent.logged()
    secret.write_text("right\n")
    eventually(lambda: "connected to" in agent.logged(), 20, "connected with the new password")
    assert agent.stop() == 0


def test_an_interrupt_is_a_stop(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings
) -> None:
    agent = run_agent(settings(broker.port, kind="synth", rate_hz=1000))
    eventually(lambda: subscriber.status() == ["online"], 20, "status online")
    agent.process.send_signal(signal.SIGINT)
    assert agent.wait(5) == 0
    eventually(lambda: subscriber.status()[-1] == "offline", 2, "status offline")
