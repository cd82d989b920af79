"""How Home Assistant and a Sparkplug host see alarms and maintenance."""

import datetime
import json
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from agent.core.types import Message
from agent.messages import command as commands
from agent.messages.records import Observation
from tests.messages.test_edge_node import DetachedNode, detached
from tests.messages.test_homeassistant import info
from tests.messages.test_homeassistant_machine import SAID, parts
from tests.support import observations

__all__ = ["detached"]
STATE = json.loads(SAID["drsn/press-04/bearing-de/state"])
BASIS: dict[str, Any] = STATE["alarm_basis"]
MAINTENANCE = {"since": "2026-01-01T00:00:00.000Z", "until": None, "by": "anna"}


def test_the_alarm_is_a_sensor_with_its_basis_as_attributes() -> None:
    part = parts(info("bearing-de"))["alarm"]
    assert jinja2.Template(part["val_tpl"]).render(value_json=STATE) == "alarm"
    attributes = jinja2.Template(part["json_attr_tpl"])
    assert json.loads(attributes.render(value_json=STATE)) == BASIS
    assert json.loads(attributes.render(value_json=STATE | {"alarm_basis": None})) == {}


def test_maintenance_is_shown_and_can_be_switched_only_where_the_command_is_allowed() -> None:
    for verbs, key in (((), "maintenance"), (("maintenance",), "maintenance-switch")):
        described = parts(info("bearing-de"), *verbs)
        assert {"maintenance", "maintenance-switch"} & set(described) == {key}
        template = jinja2.Template(described[key]["val_tpl"])
        shown = [template.render(value_json={"maintenance": at}) for at in (MAINTENANCE, None)]
        assert shown == [described[key]["pl_on"], described[key]["pl_off"]] == ["true", "false"]


def test_switch_and_button_send_commands_that_the_agent_reads() -> None:
    now = datetime.datetime.now(datetime.UTC)
    functions: dict[str, Any] = {"utcnow": lambda: now, "timedelta": datetime.timedelta}
    described = parts(info('fan "2"'), "maintenance", "acknowledge")
    switch, button = described["maintenance-switch"], described["acknowledge-button"]
    sent = {
        (part["cmd_t"], value): jinja2.Template(part["cmd_tpl"]).render(value=value, **functions)
        for part, value in ((switch, "true"), (switch, "false"), (button, "PRESS"))
    }
    arguments = {key: commands.read(text.encode(), 2048).arguments for key, text in sent.items()}
    topic = "drsn/press-04/cmd/"
    assert arguments == {
        (f"{topic}maintenance", "true"): {"source": 'fan "2"', "on": True},
        (f"{topic}maintenance", "false"): {"source": 'fan "2"', "on": False},
        (f"{topic}acknowledge", "PRESS"): {"source": 'fan "2"'},
    }
    assert "acknowledge-button" not in parts(info("fan"))


def state(seq: int, **changes: Any) -> Message:
    fields = observations.FIELDS | {"schema": "drsn-state/1", "seq": seq, "alarm": "none"}
    record = msgspec.convert(fields | changes, Observation)
    return Message(seq, "drsn/a/s/state", msgspec.json.encode(record), retain=True)


def test_a_sparkplug_host_hears_of_an_alarm_that_changes_without_a_decision(
    detached: DetachedNode, tmp_path: Path
) -> None:
    detached.begin()
    detached.put(observations.event(1, alarm="none"))
    assert detached.put(state(2)) == [], "the event has said so"
    (raised,) = detached.put(state(3, alarm="alarm", alarm_basis=BASIS, maintenance=MAINTENANCE))
    assert raised.kind == "DDATA"
    assert raised.values["alarm"] == "alarm"
    assert raised.values["alarm_basis/sentence"] == BASIS["sentence"]
    assert raised.values["maintenance/by"] == "anna"
    assert detached.put(state(4, alarm="alarm", alarm_basis=BASIS, maintenance=MAINTENANCE)) == []
    (_, born) = detached.begin()
    assert (born.kind, born.values["alarm"]) == ("DBIRTH", "alarm")
    (over,) = detached.put(state(5))
    assert (over.values["alarm"], over.values["alarm_basis/sentence"]) == ("none", None)
