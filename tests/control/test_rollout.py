"""A model takes another's place only after it was tried, and never leaves the agent without one."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest
import yaml

from agent.core.errors import UserError
from agent.inference import bundle, model_store, registry
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import bundles, web

Start = Callable[..., Agent]
Tree = dict[str, Any]
OURS, FLEET = "drsn/press-04/models/tiny/announce", "drsn/fleet/models/tiny"


@pytest.fixture
def tree(settings: Callable[..., Tree], broker: Broker, tmp_path: Path) -> Tree:
    """A source that is scored by the installed model `tiny`."""
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "publish_windows": True}
    made = settings(broker.port, **synth, hop_s=0.02)
    made["sources"][0]["model"] = "tiny"
    public = bundles.key(tmp_path).with_suffix(".pub.pem")
    made["rollout"] = {"keys": [str(public)], "shadow_s": 0.5, "shadow_windows": 10}
    made["rollout"] |= {"probation_s": 0.5}
    return made


def config(tmp_path: Path, tree: Tree) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


def install(tmp_path: Path, tree: Tree, *arguments: object) -> str:
    done = bundles.agent("install", "--config", config(tmp_path, tree), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def running(tmp_path: Path, tree: Tree, run_agent: Start, subscriber: Subscriber) -> Agent:
    """With version 1 of the model."""
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    agent = run_agent(tree)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    return agent


def versions(subscriber: Subscriber) -> list[str]:
    return [each["model"]["version"] for each in subscriber.records("window")]


def states(subscriber: Subscriber) -> list[str]:
    return [each["state"] for each in subscriber.records("rollout")]


def until(subscriber: Subscriber, state: str) -> dict[str, Any]:
    """`kept` is that of version 2."""

    def matching() -> list[dict[str, Any]]:
        said = [each for each in subscriber.records("rollout") if each["state"] == state]
        return [each for each in said if state != "kept" or each["present"]["version"] == "2"]

    eventually(lambda: bool(matching()), 20, state)
    return matching()[-1]


def test_a_good_candidate_is_tried_switched_to_and_kept_without_a_window_lost(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    told = until(subscriber, "switched")
    assert told["shadow"]["agreement"] == 1.0
    assert told["shadow"]["windows"] >= 10
    until(subscriber, "kept")
    assert running.stop() == 0
    firsts = [each["first_sample"] for each in subscriber.records("window")]
    assert firsts == list(range(0, 20 * len(firsts), 20))
    heard = versions(subscriber)
    assert heard == sorted(heard)
    assert set(heard) == {"1", "2"}
    assert subscriber.records("info")[-1]["sources"][0]["model"]["version"] == "2"
    listed = install(tmp_path, tree, "--list")
    assert listed.startswith("tiny 2: ")


def test_a_candidate_that_disagrees_is_refused_and_the_old_one_goes_on(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2", upside_down=True))
    told = until(subscriber, "refused")
    assert "agrees on 0 of" in told["why"]
    heard = len(versions(subscriber))
    eventually(lambda: len(versions(subscriber)) > heard + 3, 10, "windows go on")
    assert set(versions(subscriber)) == {"1"}


def test_a_candidate_with_other_windows_has_its_sources_begin_anew(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2", window=300))
    until(subscriber, "kept")
    eventually(lambda: versions(subscriber)[-1] == "2", 10, "windows of the new model")
    last = subscriber.records("window")[-1]
    assert last["n_samples"] == 300
    firsts = [each["first_sample"] for each in subscriber.records("window")]
    anew = firsts.index(0, 1)
    assert firsts[:anew] == list(range(0, 20 * anew, 20))
    assert firsts[anew:] == list(range(0, 20 * len(firsts[anew:]), 20))


def test_a_person_may_go_back(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    until(subscriber, "kept")
    install(tmp_path, tree, "--rollback", "tiny")
    assert until(subscriber, "rolled_back")["why"] == "by hand"
    eventually(lambda: versions(subscriber)[-1] == "1", 10, "windows of the old model")


def test_a_person_may_end_a_trial_before_its_time(
    tmp_path: Path, tree: Tree, run_agent: Start, subscriber: Subscriber
) -> None:
    tree["rollout"]["shadow_s"] = 3600.0
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    run_agent(tree)
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    eventually(lambda: "shadow" in states(subscriber)[-1:], 20, "shadow")
    install(tmp_path, tree, "--rollback", "tiny")
    assert until(subscriber, "refused")["why"] == "taken back by hand"
    heard = len(versions(subscriber))
    eventually(lambda: len(versions(subscriber)) > heard + 3, 10, "windows go on")
    assert set(versions(subscriber)) == {"1"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """With the files of `tmp_path/served`."""
    folder = tmp_path / "served"
    folder.mkdir()
    with web.serving(folder) as url:
        yield url


def announce(port: int, file: Path, version: str, url: str, topic: str = OURS) -> None:
    data = file.read_bytes()
    told = {"name": "tiny", "version": version, "size": len(data), "url": url}
    told["sha256"] = hashlib.sha256(data).hexdigest()
    publish.single(topic, json.dumps(told), 1, True, port=port)


@pytest.mark.parametrize("good", [True, False], ids=["good", "disagrees"])
def test_from_a_bundle_over_an_announcement_and_a_download_to_a_message_of_the_new_version(
    tmp_path: Path,
    tree: Tree,
    run_agent: Start,
    broker: Broker,
    subscriber: Subscriber,
    server: str,
    good: bool,
) -> None:
    tree["rollout"]["from"] = server
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    run_agent(tree)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    made = bundles.bundle(tmp_path, "2", upside_down=not good)
    made.rename(tmp_path / "served" / made.name)
    announce(broker.port, tmp_path / "served" / made.name, "2", server + made.name)
    until(subscriber, "kept" if good else "refused")
    heard = len(versions(subscriber))
    eventually(lambda: len(versions(subscriber)) > heard + 3, 10, "windows go on")
    assert set(versions(subscriber)) == ({"1", "2"} if good else {"1"})
    assert versions(subscriber)[-1] == ("2" if good else "1")
    assert states(subscriber)[:3] == ["kept", "fetching", "shadow"]


def test_a_fleet_is_told_on_a_topic_of_its_own_and_what_nobody_signed_is_refused_there(
    tmp_path: Path, tree: Tree, run_agent: Start, broker: Broker, subscriber: Subscriber
) -> None:
    tree["rollout"] |= {"from": str(tmp_path), "announce": "drsn/fleet/models/+"}
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    run_agent(tree)
    plain = bundles.bundle(tmp_path, "3", signed=False)
    announce(broker.port, plain, "3", plain.name, FLEET)
    assert "found no signature" in until(subscriber, "refused")["why"]
    made = bundles.bundle(tmp_path, "2")
    announce(broker.port, made, "2", made.name, FLEET)
    until(subscriber, "kept")
    assert "3" not in versions(subscriber)


def test_a_candidate_of_another_rate_is_tried_on_the_same_signal_and_takes_over(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2", rate_hz=2000.0, window=500))
    told = until(subscriber, "switched")
    assert told["shadow"]["agreement"] == 1.0
    until(subscriber, "kept")
    eventually(lambda: versions(subscriber)[-1] == "2", 10, "windows of the new model")
    last = subscriber.records("window")[-1]
    assert (last["rate_hz"], last["n_samples"]) == (2000.0, 500)
    assert running.stop() == 0


def test_killed_before_some_of_its_steps_on_disk_the_old_or_the_new_model_runs_and_it_ends() -> (
    None
):
    from tests.control import rollout_kills

    found = rollout_kills.trial(every=9)
    assert found.kills >= 3
    assert found.wrong == []


SABOTAGE = """
import ctypes, sys
import numpy as np
from agent.cli import main
from agent.inference.classifier import OnnxClassifier
classified = OnnxClassifier.classify
kind = sys.argv.pop(1)
def broken(self, samples, running=None):
    if self.contract.version != "2":
        return classified(self, samples, running)
    if kind.startswith("late") and self.served < 60:
        return classified(self, samples, running)
    if kind.endswith("crash"):
        ctypes.string_at(0)
    if kind.endswith("raises"):
        raise RuntimeError("no such kernel")
    if kind == "slow":
        import time
        began_s = time.thread_time()
        while time.thread_time() - began_s < 0.03:
            pass
        self.spent_s += 0.03
    said = classified(self, samples, running)
    if kind == "nan":
        return [type(each)((float("nan"),) * len(each.probabilities)) for each in said]
    return said
OnnxClassifier.classify = broken
sys.exit(main.main())
"""


def sabotaged(tmp_path: Path, tree: Tree, kind: str) -> Agent:
    """An agent in which version 2 breaks that way."""
    program = tmp_path / "sabotage.py"
    program.write_text(SABOTAGE)
    log = tmp_path / "sabotaged.log"
    command = [sys.executable, program, kind, "run", "--config", config(tmp_path, tree)]
    with log.open("ab") as err:
        return Agent(subprocess.Popen(list(map(str, command)), stderr=err), log)


@pytest.mark.parametrize(
    ("kind", "why", "state"),
    [
        ("raises", "failed on a window: no such kernel", "refused"),
        ("nan", "no probability", "refused"),
        ("slow", "ms a window", "refused"),
        ("late raises", "failed: no such kernel", "rolled_back"),
    ],
)
def test_what_breaks_is_refused_or_rolled_back_and_no_window_is_lost(
    tmp_path: Path, tree: Tree, subscriber: Subscriber, kind: str, why: str, state: str
) -> None:
    if state == "rolled_back":
        tree["rollout"]["probation_s"] = 60.0
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    agent = sabotaged(tmp_path, tree, kind)
    try:
        assert why in until(subscriber, state)["why"]
        heard = len(versions(subscriber))
        eventually(lambda: len(versions(subscriber)) > heard + 3, 10, "windows go on")
        assert versions(subscriber)[-1] == "1"
        assert agent.stop() == 0
    finally:
        agent.process.kill()
    firsts = [each["first_sample"] for each in subscriber.records("window")]
    assert firsts == list(range(0, 20 * len(firsts), 20))


@pytest.mark.parametrize(
    ("kind", "phase", "state"),
    [("crash", "shadow", "refused"), ("late crash", "probation", "rolled_back")],
)
def test_what_kills_the_process_is_given_up_after_three_starts(
    tmp_path: Path, tree: Tree, subscriber: Subscriber, kind: str, phase: str, state: str
) -> None:
    if phase == "probation":
        tree["rollout"]["probation_s"] = 60.0
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    install(tmp_path, tree, bundles.bundle(tmp_path, "2"))
    for _ in range(3):
        assert sabotaged(tmp_path, tree, kind).wait(30) == -signal.SIGSEGV
    assert ("2" in versions(subscriber)) == (phase == "probation")
    agent = sabotaged(tmp_path, tree, kind)
    try:
        told = until(subscriber, state)
        assert told["why"] == f"the process ended 3 times while {phase} lasted"
        heard = len(versions(subscriber))
        eventually(lambda: len(versions(subscriber)) > heard + 60, 20, "windows go on")
        assert versions(subscriber)[-1] == "1"
        assert agent.stop() == 0
    finally:
        agent.process.kill()


def switched(tmp_path: Path, tree: Tree) -> Path:
    """The state directory, version 2 on probation there after 1."""
    state_dir = tmp_path / "state"
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    made = bundles.bundle(tmp_path, "2")
    registry.admit(state_dir, bundle.unpack(made.read_bytes(), [], "x"), False)
    registry.switch(state_dir, "tiny")
    return state_dir


def test_a_model_on_probation_that_kills_the_process_is_rolled_back_at_a_start(
    tmp_path: Path, tree: Tree
) -> None:
    state_dir = switched(tmp_path, tree)
    for _ in range(2):
        registry.count_start(state_dir, 3)
        assert (
            registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-2.onnx").read_bytes()
        )
    registry.count_start(state_dir, 3)
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()
    assert model_store.standing(state_dir, "tiny").state == "rolled_back"


def test_there_is_no_going_back_to_nothing(tmp_path: Path, tree: Tree) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    with pytest.raises(UserError, match="found nothing before 1 to go back to"):
        registry.go_back(tmp_path / "state", "tiny")
    install(tmp_path, tree, "--rollback", "tiny")
    registry.count_start(tmp_path / "state", 3)
    assert registry.find(tmp_path / "state", "tiny").is_file()


def test_a_start_that_cannot_be_counted_tries_nothing(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir = tmp_path / "state"
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    made = bundles.bundle(tmp_path, "2")
    registry.admit(state_dir, bundle.unpack(made.read_bytes(), [], "x"), False)
    assert registry.count_start(state_dir, 3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent.core.files.write", full)
    assert not registry.count_start(state_dir, 3)
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()


def test_an_older_version_needs_leave_and_the_same_is_refused(tmp_path: Path, tree: Tree) -> None:
    one, two = (bundles.bundle(tmp_path, version) for version in "12")
    install(tmp_path, tree, two)
    for made, why in ((one, "expected one above 2"), (two, "runs already")):
        done = bundles.agent("install", made, "--config", config(tmp_path, tree))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert why in done.stderr
    assert "tried beside" in install(tmp_path, tree, one, "--allow-downgrade")


def test_unsigned_bundles_are_taken_by_hand_where_no_key_is_configured(
    tmp_path: Path, tree: Tree
) -> None:
    plain = bundles.bundle(tmp_path, "1", signed=False)
    done = bundles.agent("install", plain, "--config", config(tmp_path, tree))
    assert done.returncode == 1
    assert "found no signature" in done.stderr
    del tree["rollout"]["keys"]
    assert "not verified: rollout.keys names no key" in install(tmp_path, tree, plain)


def test_an_installed_file_that_rots_is_passed_over_for_the_one_before(
    tmp_path: Path, tree: Tree
) -> None:
    state_dir = switched(tmp_path, tree)
    file = registry.find(state_dir, "tiny")
    file.write_bytes(file.read_bytes()[:-1])
    assert registry.find(state_dir, "tiny").read_bytes() == (tmp_path / "tiny-1.onnx").read_bytes()
