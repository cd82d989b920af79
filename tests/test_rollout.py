"""A model takes another's place only after it was tried, and never leaves the agent without one."""

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bundles
import paho.mqtt.publish as publish
import pytest
import yaml
from conftest import Agent, Broker, Subscriber, eventually

Start = Callable[..., Agent]
Tree = dict[str, Any]
TOPIC = "drsn/press-04/models/tiny"


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
    eventually(lambda: state in states(subscriber), 20, f"{state}: {states(subscriber)}")
    return [each for each in subscriber.records("rollout") if each["state"] == state][-1]


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An HTTP server with the files of `tmp_path/served`."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


def announce(port: int, file: Path, version: str, url: str) -> None:
    data = file.read_bytes()
    told = {"name": "tiny", "version": version, "size": len(data), "url": url}
    told["sha256"] = hashlib.sha256(data).hexdigest()
    publish.single(f"{TOPIC}/announce", json.dumps(told), 1, True, port=port)


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
    assert states(subscriber)[:3] == ["idle", "fetching", "shadow"] or (
        states(subscriber)[:3] == ["shadow", "fetching", "shadow"]
    )
