"""A machine in Home Assistant and in Sparkplug: one device, or metrics of the node."""

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest

from agent.core.place import Place
from agent.core.types import Message
from agent.messages import homeassistant, machine, payloads
from agent.messages.machine import MachineState
from agent.messages.machine_info import MachineInfo
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from tests.messages.test_edge_node import DetachedNode, kinds, source
from tests.messages.test_homeassistant import TOPICS
from tests.messages.test_machine import point

PRESS = MachineInfo(name="press", site="plant 2", area="hall B", points=("s", "t"))
HERE = Place(site="plant 2", area="hall B", machine="press", direction="axial")


def state(**fields: Any) -> MachineState:
    published = machine.PublishedAt(
        schema="drsn-machine/1",
        epoch="00000000-0000-0000-0000-000000000001",
        seq=7,
        agent="a",
        t_end="2026-01-31T12:00:00.000Z",
        t_published="2026-01-31T12:00:00.100Z",
    )
    worst = point("s", "fault", label="outer", direction="axial", alarm="warning")
    return machine.record(published, PRESS, (worst, point("t", "normal")), "normal")


def test_a_machine_is_a_device_between_the_agent_and_its_points() -> None:
    messages = homeassistant.configs(TOPICS, [source(place=HERE)], machines=[PRESS])
    agent, press, fan = [json.loads(message.payload) for message in messages]
    assert press["dev"]["via_device"] == agent["dev"]["ids"][0]
    assert fan["dev"]["via_device"] == press["dev"]["ids"][0]
    assert (press["dev"]["sa"], fan["dev"]["sa"], fan["dev"]["mdl_id"]) == (
        "hall B",
        "hall B",
        "axial",
    )
    tree = json.loads(payloads.message("machine", "t", state()).payload)
    values = {
        key: jinja2.Template(part["val_tpl"]).render(value_json=tree)
        for key, part in press["cmps"].items()
    }
    assert values == {
        "fault": "ON",
        "decision": "fault",
        "alarm": "warning",
        "label": "outer",
        "point": "s",
        "why": "s (axial): s!",
    }
    attributes = jinja2.Template(press["cmps"]["decision"]["json_attr_tpl"]).render(value_json=tree)
    assert json.loads(attributes)["t"] == "normal: t!"


@pytest.fixture
def machines() -> list[MachineInfo]:
    return [PRESS]


@pytest.fixture
def detached(tmp_path: Path, machines: list[MachineInfo]) -> DetachedNode:
    latest, sources = Latest(0), [source()]
    address, bdseq = Address("plant", "a"), BdSeq(tmp_path / "bdseq")
    node = EdgeNode(address, "mine", lambda: sources, latest, bdseq, lambda: machines)
    return DetachedNode(node, latest, sources)


def message() -> Message:
    return payloads.message("machine", "drsn/a/press/state", state(), 7)


def test_a_machine_is_metrics_of_the_node_from_its_birth_on(detached: DetachedNode) -> None:
    birth = detached.begin()[0]
    assert birth.values["machine/press/decision"] is None
    (data,) = detached.put(message())
    assert kinds([data]) == [("NDATA", None)]
    assert data.values["machine/press/decision"] == "fault"
    assert data.values["machine/press/fault"] is True
    assert data.values["machine/press/alarm"] == "warning"
    assert set(data.values) <= set(birth.values), "all metrics are in the birth"
    again = detached.begin()[0]
    assert again.values["machine/press/point"] == "s"


def test_where_the_machines_have_changed_all_are_born_again(
    detached: DetachedNode, machines: list[MachineInfo]
) -> None:
    detached.begin()
    machines.clear()
    info = payloads.info(payloads.Topics("drsn", "a"), "1", "mine", 0.0, [])
    assert kinds(detached.put(info)) == [("NBIRTH", None), ("DBIRTH", "s")]
    assert detached.put(message()) == [], "of a machine that is no longer there"
