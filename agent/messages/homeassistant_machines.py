"""The entities of a machine: one state for all of its points. Pure."""

from typing import get_args

from agent.core.alarms import ALARMS
from agent.core.types import Decision
from agent.messages.homeassistant_components import Component, enumeration, or_none, problem

POINTS = (
    "{% set ns = namespace(points={}) %}"
    "{% for item in value_json.points %}"
    "{% set ns.points = dict(ns.points, **{item.point: item.decision ~ ': ' ~ item.sentence}) %}"
    "{% endfor %}"
    "{{ dict(ns.points, site=value_json.site, area=value_json.area, previous=value_json.previous, "
    "direction=value_json.direction) | tojson }}"
)


def entities(topic: str) -> dict[str, Component]:
    """By the entity's key; `topic` is the machine's state."""
    # Home Assistant reads None as "unknown": the fault is neither on nor off while in doubt.
    off = "'normal': 'OFF', 'detected': 'OFF', 'stopped': 'OFF'"
    fault = f"{{{{ {{'fault': 'ON', {off}}}.get(value_json.decision, 'None') }}}}"
    decision = enumeration("Decision", topic, "decision", get_args(Decision))
    return {
        "fault": problem("Fault", topic, fault),
        "decision": decision | {"json_attr_t": topic, "json_attr_tpl": POINTS},
        "alarm": enumeration("Alarm", topic, "alarm", ALARMS),
        "label": _text("Label", topic, or_none("label")),
        "point": _text("Worst point", topic, or_none("point")),
        # A state of Home Assistant has 255 characters at most.
        "why": _text("Why", topic, "{{ value_json.sentence[:255] }}"),
    }


def _text(name: str, topic: str, template: str) -> Component:
    return {"p": "sensor", "name": name, "stat_t": topic, "val_tpl": template}
