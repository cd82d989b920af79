"""What the agent is to do next is bounded, in order, and tried again at a growing distance."""

import json
from pathlib import Path

import pytest

from agent.config.rollout import Rollout
from agent.control.rollout import requests
from agent.control.rollout.requests import AnnouncedRequest, UpdateQueue
from agent.core.errors import Later
from agent.inference import model_store

ROLLOUT = Rollout(source="https://models.example/", keys=("release.pub.pem",), max_mib=1.0)


@pytest.fixture
def queue(tmp_path: Path) -> UpdateQueue:
    return UpdateQueue(ROLLOUT, tmp_path)


def announce(queue: UpdateQueue, name: str, version: str, sha256: str = "0") -> None:
    fields = {"name": name, "version": version, "sha256": sha256 * 64, "size": 10, "url": "a.drsn"}
    queue.on_announcement("drsn/fleet/models/x", json.dumps(fields).encode(), True)


def following(queue: UpdateQueue, *used: str) -> AnnouncedRequest | None:
    request = queue.next(lambda name: name in used)
    assert request is None or isinstance(request, AnnouncedRequest)
    return request


def test_an_order_comes_before_an_announcement(queue: UpdateQueue, tmp_path: Path) -> None:
    announce(queue, "fan", "2")
    model_store.put_order(tmp_path, "fan", "install", b"x")
    request = queue.next(lambda _: True)
    assert request is not None
    assert (request.verb, request.description) == ("install", "fan.install")
    assert queue.read(request) == b"x"
    queue.discard(request)
    assert following(queue, "fan") is not None


def test_the_newest_announcement_of_a_name_counts_and_takes_its_own_back_off(
    queue: UpdateQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)  # the longest wait
    for version in ("2", "3"):
        announce(queue, "fan", version, version)
        request = following(queue, "fan")
        assert request is not None, "a new announcement does not wait for the one before"
        assert request.announced_version == version
        assert queue.postpone(request, Later("away"))
        assert following(queue, "fan") is None


def test_a_fetch_that_failed_waits_longer_each_time_and_a_refusal_is_final(
    queue: UpdateQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    monkeypatch.setattr("agent.control.rollout.requests.time.monotonic", lambda: now_s)
    announce(queue, "fan", "2")
    for wait_s in (1.0, 2.0, 4.0):
        request = following(queue, "fan")
        assert request is not None
        queue.postpone(request, Later("away"))
        now_s += wait_s - 0.01
        assert following(queue, "fan") is None
        now_s += 0.02
    request = following(queue, "fan")
    assert request is not None
    assert not queue.postpone(request, ValueError("broken"))
    queue.discard(request)
    now_s += 1000
    assert following(queue, "fan") is None


def test_only_announcements_of_models_in_use_are_kept_and_a_flood_is_bounded(
    queue: UpdateQueue,
) -> None:
    for number in range(10 * requests.MAX_RECEIVED):
        announce(queue, f"other-{number}", "2")
    announce(queue, "fan", "2")
    assert len(queue._received) == requests.MAX_RECEIVED
    assert following(queue, "fan") is not None
    assert set(queue._waiting) == {"fan"}
    assert following(queue, "pump") is None
    assert queue._waiting == {}, "the source of fan has gone"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b'{"name": "fan"}'])
def test_what_is_no_announcement_is_no_request(queue: UpdateQueue, payload: bytes) -> None:
    queue.on_announcement("drsn/fleet/models/x", payload, True)
    assert following(queue, "fan") is None
