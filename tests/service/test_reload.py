"""SIGHUP: a new configuration, while what did not change goes on as if nothing had been."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Agent, Broker, Subscriber, eventually

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


class Reloading:
    """A running agent whose configuration is written anew."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.file = Path(agent.process.args[-1])  # type: ignore[index, arg-type]

    def reload(self, tree: dict[str, Any] | str) -> None:
        before = self.reloads()
        self.file.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree))
        self.agent.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.reloads() > before, 10, "the reload is told")

    def reloads(self) -> int:
        log = self.agent.logged()
        return log.count(" reload: ") + log.count(" reload refused")

    def count(self, what: str) -> int:
        return len(os.listdir(f"/proc/{self.agent.process.pid}/{what}"))  # noqa: PTH208


@pytest.fixture
def two(settings: Settings, broker: Broker) -> dict[str, Any]:
    """A source that stays in every test, and another one; both without an end."""
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "publish_windows": True}
    tree = settings(broker.port, **synth)
    tree["sources"].append(tree["sources"][0] | {"name": "other"})
    return tree


@pytest.fixture
def running(run_agent: Start, two: dict[str, Any], subscriber: Subscriber) -> Reloading:
    reloading = Reloading(run_agent(two, stdin=-3))  # DEVNULL: no terminal that might be gone
    eventually(lambda: firsts(subscriber, "other") != [], 20, "windows")
    return reloading


def firsts(subscriber: Subscriber, source: str) -> list[int]:
    return [w["first_sample"] for w in subscriber.records("window") if w["source"] == source]


def await_beginnings(subscriber: Subscriber, source: str, count: int) -> None:
    eventually(lambda: firsts(subscriber, source).count(0) >= count, 10, "begins anew")


def test_over_20_reloads_the_source_that_stays_loses_no_window_and_nothing_is_left_behind(
    running: Reloading, two: dict[str, Any], subscriber: Subscriber
) -> None:
    kept, counts = two["sources"]
    counted = []
    for turn in range(20):
        counts["hop_s"] = 0.1 if turn % 2 else 0.05
        begun = firsts(subscriber, "other").count(0)
        running.reload(two)
        await_beginnings(subscriber, "other", begun + 1)
        counted.append((running.count("task"), running.count("fd")))
    assert counted[-1] == counted[0]
    assert running.agent.stop() == 0
    eventually(lambda: subscriber.status()[-1] == "offline", 2, "status offline")
    heard = firsts(subscriber, kept["name"])
    assert heard == list(range(0, 100 * len(heard), 100))
    assert subscriber.status() == ["online", "online", *["online"] * 19, "offline"]
    last = max(subscriber.records("health"), key=lambda health: health["uptime_s"])
    assert last["sources"][kept["name"]]["overrun"] == 0


def test_the_source_that_changes_is_scored_to_its_end_before_it_begins_anew(
    running: Reloading, two: dict[str, Any], subscriber: Subscriber
) -> None:
    two["sources"][1]["hop_s"] = 0.2
    running.reload(two)
    eventually(lambda: firsts(subscriber, "other").count(0) == 2, 10, "begins anew")
    eventually(lambda: firsts(subscriber, "other")[-1] >= 400, 10, "windows of the new hop")
    heard = firsts(subscriber, "other")
    anew = heard.index(0, 1)
    assert heard[:anew] == list(range(0, 100 * anew, 100))
    assert heard[anew:] == list(range(0, 200 * len(heard[anew:]), 200))


def test_sources_come_and_go_and_the_agent_says_which_it_has(
    running: Reloading, two: dict[str, Any], subscriber: Subscriber
) -> None:
    two["sources"][1]["name"] = "third"
    running.reload(two)
    assert "reload: kept bearing-de; removed other; added third" in running.agent.logged()
    eventually(lambda: bool(firsts(subscriber, "third")), 10, "windows of the new source")
    eventually(lambda: len(subscriber.of("info")) == 2, 5, "info anew")
    told = subscriber.records("info")[-1]["sources"]
    assert [each["name"] for each in told] == ["bearing-de", "third"]
    gone = len(firsts(subscriber, "other"))
    eventually(lambda: len(firsts(subscriber, "third")) > 5, 10, "more windows")
    assert len(firsts(subscriber, "other")) == gone


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("sources: [", "not YAML"),
        ({"hop": 1}, "sources[1].hop: found an unknown key, did you mean hop_s?"),
        ({"model": "bearings"}, "sources[1] (other): model 'bearings': not in the zoo"),
        ({"channels": [1]}, "sources[1] (other): channels: found [1], expected 1 of 0 to 0"),
    ],
    ids=["no YAML", "unknown key", "no such model", "wrong channel"],
)
def test_a_wrong_file_changes_nothing_and_is_one_line(
    running: Reloading,
    two: dict[str, Any],
    subscriber: Subscriber,
    wrong: str | dict[str, Any],
    why: str,
) -> None:
    def complaints() -> list[str]:
        lines = running.agent.logged().splitlines()
        return [line for line in lines if not line.startswith("INFO")]

    before, known = running.count("fd"), len(complaints())
    if isinstance(wrong, dict):
        two["sources"][1] |= wrong
    running.reload(wrong if isinstance(wrong, str) else two)
    (said,) = complaints()[known:]
    kept = "reload refused, nothing changed: "
    assert f"{kept}{running.file}" in said or f"{kept}sources" in said
    assert why in said
    heard = len(firsts(subscriber, "other"))
    eventually(lambda: len(firsts(subscriber, "other")) > heard + 3, 10, "windows go on")
    assert running.count("fd") == before
    heard_all = firsts(subscriber, "other")
    assert heard_all == list(range(0, 100 * len(heard_all), 100))


def test_what_needs_a_restart_is_told_and_not_applied(
    running: Reloading, two: dict[str, Any], broker: Broker, subscriber: Subscriber
) -> None:
    two["mqtt"]["port"] = 9
    two["agent"]["health_s"] = 1.0
    two |= {"commands": {"allow": ["ping"]}, "evidence": {}}
    running.reload(two)
    late = "agent.health_s, mqtt.port, commands.allow, evidence"
    assert f"removed none; added none; needs a restart: {late}\n" in running.agent.logged()
    heard = len(subscriber.of("window"))
    eventually(lambda: len(subscriber.of("window")) > heard + 3, 10, "the same broker hears on")


def test_systemd_hears_reloading_and_then_ready(
    tmp_path: Path, run_agent: Start, two: dict[str, Any], subscriber: Subscriber
) -> None:
    from tests.service.test_watchdog import Systemd

    systemd = Systemd(tmp_path)
    env = os.environ | {"NOTIFY_SOCKET": str(systemd.path)}
    reloading = Reloading(run_agent(two, env=env, stdin=-3))
    eventually(lambda: firsts(subscriber, "other") != [], 20, "windows")
    two["sources"][1]["hop_s"] = 0.2
    reloading.reload(two)
    eventually(lambda: systemd.hear().count("READY=1") == 2, 10, "ready again")
    told = [each for each in systemd.received if each != "WATCHDOG=1"]
    assert told[0] == told[2] == "READY=1"
    assert told[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert reloading.agent.stop() == 0


def test_a_model_file_that_was_replaced_is_loaded(
    running: Reloading, two: dict[str, Any], subscriber: Subscriber, tiny_model: Path
) -> None:
    from tests.support import tiny

    tiny.write(tiny_model, tiny.contract(version="2"))
    running.reload(two)
    assert "kept none; removed bearing-de, other; added bearing-de, other" in running.agent.logged()

    def versions() -> set[str]:
        return {window["model"]["version"] for window in subscriber.records("window")}

    eventually(lambda: versions() == {"1", "2"}, 10, "windows of the new model")
