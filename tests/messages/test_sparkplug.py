"""The agent as a Sparkplug edge node: what a host receives of the real process."""

import os
import re
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Agent, Broker, eventually, free_port
from tests.support.sparkplug_host import Host, ask_for_rebirth, in_order, unit_of

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
DEVICE = "bearing-de"


def waiting(port: int) -> int:
    """Messages in the outbox, as its metrics tell."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = re.search(r"^drsn_outbox_messages (\S+)$", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


@pytest.fixture
def host(broker: Broker) -> Iterator[Host]:
    host = Host(broker.port)
    yield host
    host.close()


@pytest.fixture
def tree(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Settings of an agent that is an edge node."""

    def make(port: int, **source: Any) -> dict[str, Any]:
        tree = settings(port, **{"measure_s": 0.0} | source)
        tree["agent"] |= {"sink": "sparkplug", "health_s": 60.0}
        return tree | {"sparkplug": {"group": "plant"}}

    return make


def endless(**more: Any) -> dict[str, Any]:
    return {"kind": "synth", "rate_hz": 1000, "hop_s": 0.02, "publish_windows": True} | more


def test_a_recording_is_told_from_birth_to_death(
    broker: Broker, host: Host, run_agent: Start, tree: Settings, wav: Path
) -> None:
    agent = run_agent(tree(broker.port, kind="file", path=str(wav), pace="realtime"))
    assert agent.wait(30) == 0
    eventually(lambda: bool(host.messages("NDEATH")), 5, "the node's death")
    kinds = [(each.kind, each.device) for each in host.messages() if each.kind != "NDATA"]
    assert kinds[:2] == [("NBIRTH", None), ("DBIRTH", DEVICE)]
    assert kinds[-1] == ("NDEATH", None)
    assert in_order(host.sessions()[0])
    node, device, death = host.messages()[0], host.messages("DBIRTH")[0], host.messages("NDEATH")[0]
    assert node.values["Node Control/Rebirth"] is False
    assert death.values == {"bdSeq": node.values["bdSeq"]} == {"bdSeq": 0}
    assert death.seq is None
    assert {"decision", "label", "probability", "fault", "snr_db"} <= set(device.values)
    assert device.values["properties/model"] == "tiny"
    told: dict[str, Any] = {}
    for each in [device, *host.states()]:
        told |= each.values
        assert set(each.values) <= set(device.values), "only what the birth has announced"
    assert (told["decision"], told["label"], told["fault"]) == ("fault", "loud", True)
    loud = host.states()[-1]
    assert "decision" in loud.values
    assert loud.values["fault"] is True
    now_ms = time.time() * 1000
    for metric in loud.payload.metrics:
        assert now_ms - 30_000 < metric.timestamp < now_ms
        assert metric.timestamp < loud.payload.timestamp, "of the window, not of the message"


def test_a_rebirth_begins_the_numbers_anew_and_tells_the_state(
    broker: Broker, host: Host, run_agent: Start, tree: Settings
) -> None:
    run_agent(tree(broker.port, **endless()))
    eventually(lambda: len(host.messages("DDATA")) > 300, 30, "more messages than numbers")
    ask_for_rebirth(broker.port)
    eventually(lambda: len(host.messages("NBIRTH")) == 2, 5, "born again")
    eventually(lambda: len(host.sessions()[1]) > 5, 5, "and data again")
    first, second = host.sessions()
    assert in_order(first)
    assert in_order(second)
    assert [each.kind for each in second[:2]] == ["NBIRTH", "DBIRTH"]
    assert second[0].values["bdSeq"] == first[0].values["bdSeq"], "the connection is the same"
    assert second[1].values["decision"] == host.states()[-1].values["decision"]
    assert second[1].values["window/probability"] is not None
    seqs = [each.values["seq"] for each in host.messages("DDATA")]
    assert sorted(set(seqs)) == seqs, "nothing twice, all in order"


def test_what_waited_for_the_broker_is_history_and_none_of_it_is_missing(
    stopped_broker: Broker, run_agent: Start, tree: Settings
) -> None:
    broker = stopped_broker.start()
    before = Host(broker.port)
    port = free_port()
    agent = run_agent(tree(broker.port, **endless()) | {"metrics": {"port": port}})
    eventually(lambda: len(before.messages("DDATA")) > 20, 20, "data")
    broker.stop()
    eventually(lambda: not before.connected, 5, "all is heard")
    before.close()
    heard = before.messages("DDATA")
    eventually(lambda: waiting(port) > 60, 20, "it goes on measuring")
    agent.process.send_signal(signal.SIGSTOP)  # until there is somebody to hear it
    broker.start()
    after = Host(broker.port)
    agent.process.send_signal(signal.SIGCONT)
    eventually(
        lambda: any(False in each.historical for each in after.messages("DDATA")), 30, "news"
    )
    said = after.messages("DDATA")
    history = [each for each in said if each.historical == {True}]
    assert len(history) > 50
    assert said[: len(history)] == history, "history first"
    assert all(each.historical == {False} for each in said[len(history) :])
    assert all(in_order(session) for session in (*before.sessions(), *after.sessions()))
    node, device = after.messages("NBIRTH")[0], after.messages("DBIRTH")[0]
    assert node.values["bdSeq"] > before.messages("NBIRTH")[0].values["bdSeq"]
    newest = history[-1]
    assert device.values["seq"] == newest.values["seq"], "born as it was when the broker came back"
    told_again = {each.values["seq"] for each in heard} & {each.values["seq"] for each in said}
    assert len(told_again) <= 20, "no more than was under way"
    numbers = {each.values["seq"] for each in [*heard, *said]}
    twins = {each.values["seq"] + 1 for each in [*before.states(), *after.states()]}
    missing = set(range(1, max(numbers))) - numbers
    assert missing == twins - {max(numbers) + 1}, "all but the states, which events tell as well"
    after.close()


def await_count(host: Host, kind: str, count: int, within_s: float) -> None:
    eventually(lambda: len(host.messages(kind)) == count, within_s, f"{count} of {kind}")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_an_agent_that_is_killed_is_declared_dead_with_the_number_of_its_birth(
    broker: Broker, host: Host, run_agent: Start, tree: Settings, version: str
) -> None:
    settings = tree(broker.port, **endless())
    settings["mqtt"] |= {"version": version}
    for run in (0, 1):
        agent = run_agent(settings)
        await_count(host, "NBIRTH", run + 1, within_s=20)
        os.kill(agent.process.pid, signal.SIGKILL)
        await_count(host, "NDEATH", run + 1, within_s=5)
    births, deaths = host.messages("NBIRTH"), host.messages("NDEATH")
    assert [each.values["bdSeq"] for each in births] == [0, 1]
    assert [each.values for each in deaths] == [{"bdSeq": 0}, {"bdSeq": 1}]


def test_what_is_measured_is_told_with_its_unit(
    broker: Broker, host: Host, run_agent: Start, tree: Settings, wav: Path
) -> None:
    source = {"kind": "file", "path": str(wav), "pace": "fast", "measure_s": 1.0, "unit": "m/s2"}
    assert run_agent(tree(broker.port, **source)).wait(30) == 0
    eventually(lambda: bool(host.messages("NDEATH")), 5, "the node's death")
    assert in_order(host.sessions()[0])
    units = {each.name: unit_of(each) for each in host.messages("DBIRTH")[0].payload.metrics}
    assert (units["measurement/rms"], units["measurement/velocity_mm_s"]) == ("m/s2", "mm/s")
    told: dict[str, Any] = {}
    for each in host.messages("DBIRTH", "DDATA"):
        told |= {key: value for key, value in each.values.items() if value is not None}
    assert 0.3 < told["measurement/rms"] < 0.6, "of the last, loud seconds"
