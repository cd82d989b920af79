"""A model takes another's place only after it was tried, and never leaves the agent without one."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest

from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support import bundles, web
from tests.support.rollout import install, states, until, versions

Start = Callable[..., Agent]
Tree = dict[str, Any]
OURS, FLEET = "drsn/press-04/models/tiny/announce", "drsn/fleet/models/tiny"


@pytest.fixture
def running(tmp_path: Path, tree: Tree, run_agent: Start, subscriber: Subscriber) -> Agent:
    """With version 1 of the model."""
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    agent = run_agent(tree)
    eventually(lambda: bool(subscriber.of("window")), 20, "windows")
    return agent


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
    install(tmp_path, tree, bundles.bundle(tmp_path, "2", rate_hz=800.0, window=200))
    told = until(subscriber, "switched")
    assert told["shadow"]["agreement"] == 1.0
    until(subscriber, "kept")
    eventually(lambda: versions(subscriber)[-1] == "2", 10, "windows of the new model")
    last = subscriber.records("window")[-1]
    assert (last["rate_hz"], last["n_samples"]) == (800.0, 200)
    assert running.stop() == 0


def test_a_candidate_for_which_a_source_is_too_slow_is_refused_before_it_is_tried(
    running: Agent, tmp_path: Path, tree: Tree, subscriber: Subscriber
) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "2", rate_hz=2000.0, window=500))
    why = until(subscriber, "refused")["why"]
    assert why.startswith("rate_hz: found 1000, expected at least 1600 for the model tiny")
    assert running.stop() == 0


def test_killed_before_some_of_its_steps_on_disk_the_old_or_the_new_model_runs_and_it_ends() -> (
    None
):
    from tests.control import rollout_kills

    found = rollout_kills.trial(every=9)
    assert found.kills >= 3
    assert found.wrong == []
