"""Describes the agent and its sources for the MQTT device discovery of Home Assistant.

The agent is a device and each source is one (`via_device`), each described by one retained message
on `homeassistant/device/<id>/config`. Pure; `agent.delivery.discovery` sends the messages.
See https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from agent import __version__
from agent.core.types import Decision, Message
from agent.messages import payloads
from agent.messages.records import SourceInfo

PREFIX = "homeassistant"
STATUS = f"{PREFIX}/status"  # where Home Assistant publishes `online`
ORIGIN = {"name": "drsn-agent", "sw": __version__}
Component = dict[str, Any]


def configs(topics: payloads.Topics, sources: Sequence[SourceInfo]) -> list[Message]:
    """One message per device; the agent's first, since the others refer to it."""
    agent = _message(_id(topics), _agent(topics))
    return [agent, *(_message(_id(topics, info.name), _source(topics, info)) for info in sources)]


def removal(topic: str) -> Message:
    """The message that removes the device described on `topic`."""
    return Message(0, topic, b"", retain=True, qos=0)


def _message(device_id: str, payload: Component) -> Message:
    topic = f"{PREFIX}/device/{device_id}/config"
    return Message(0, topic, msgspec.json.encode(payload), retain=True, qos=0)


def _id(topics: payloads.Topics, *source: str) -> str:
    """A readable id, the same after every start and unique, although names may hold any letter."""
    names = (topics.agent, *source)
    digest = hashlib.sha256("/".join((topics.base, *names)).encode()).hexdigest()[:8]
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", f"drsn-{'-'.join(names)}-{digest}")


def _device(topics: payloads.Topics, parts: dict[str, Component], device: Component) -> Component:
    """The description of a device and its entities, with the keys that all of them share."""
    (device_id,) = device["ids"]
    for key, part in parts.items():
        part["unique_id"] = f"{device_id}-{key}"
    return {
        "dev": device,
        "o": ORIGIN,
        "cmps": parts,
        "avty_t": topics.of("status"),
        "pl_avail": payloads.ONLINE.decode(),
        "pl_not_avail": payloads.OFFLINE.decode(),
        "qos": 1,
    }


def _agent(topics: payloads.Topics) -> Component:
    health = topics.of("health")
    device = {"ids": [_id(topics)], "name": topics.agent, "mf": "drsn-agent", "sw": __version__}
    waiting = _diagnostic("Messages waiting", health, "{{ value_json.outbox.depth }}")
    memory = _diagnostic("Memory", health, "{{ value_json.process.rss_mib }}")
    parts = {
        "waiting": waiting | {"state_class": "measurement"},
        "memory": memory
        | {"unit_of_meas": "MiB", "dev_cla": "data_size", "state_class": "measurement"},
    }
    return _device(topics, parts, device)


def _source(topics: payloads.Topics, info: SourceInfo) -> Component:
    device = {
        "ids": [_id(topics, info.name)],
        "name": f"{topics.agent} {info.name}",
        "mf": "drsn-agent",
        "mdl": f"{info.model.name} {info.model.version}",
        "via_device": _id(topics),
    }
    state = topics.of("state", source=info.name)
    # Home Assistant reads None as "unknown": the fault is neither on nor off while in doubt.
    fault = "{{ {'fault': 'ON', 'normal': 'OFF'}.get(value_json.decision, 'None') }}"
    broken = "{{ 'ON' if value_json.decision == 'sensor_fault' else 'OFF' }}"
    latency = f"value_json.sources[{json.dumps(info.name)}].latency_ms"
    parts: dict[str, Component] = {
        "fault": _problem("Fault", state, fault),
        "sensor-fault": _problem("Sensor fault", state, broken) | {"ent_cat": "diagnostic"},
        "decision": _enumeration("Decision", state, "decision", get_args(Decision)),
        "label": _enumeration("Label", state, "label", info.labels),
        "confidence": _measurement(
            "Confidence", state, _or_none("probability", "(100 * {0}) | round(1)"), "%"
        ),
        "shrinkage": _measurement("Shrinkage", state, _or_none("shrinkage")),
        "latency": _measurement(
            "Latency",
            topics.of("health"),
            f"{{{{ {latency}[0] if {latency} else 'None' }}}}",
            "ms",
        )
        | {"dev_cla": "duration"},
    }
    return _device(topics, parts, device)


def _or_none(field: str, shown: str = "{0}") -> str:
    """The template of a field of the payload, as `shown`; None where the field is null."""
    value = f"value_json.{field}"
    return f"{{{{ {shown.format(value)} if {value} is not none else 'None' }}}}"


def _problem(name: str, topic: str, template: str) -> Component:
    part = {"p": "binary_sensor", "name": name, "dev_cla": "problem"}
    return part | {"stat_t": topic, "val_tpl": template}


def _enumeration(name: str, topic: str, field: str, options: Sequence[str]) -> Component:
    part = {"p": "sensor", "name": name, "dev_cla": "enum", "options": list(options)}
    return part | {"stat_t": topic, "val_tpl": _or_none(field)}


def _diagnostic(name: str, topic: str, template: str) -> Component:
    part = {"p": "sensor", "name": name, "ent_cat": "diagnostic"}
    return part | {"stat_t": topic, "val_tpl": template}


def _measurement(name: str, topic: str, template: str, unit: str | None = None) -> Component:
    part = _diagnostic(name, topic, template) | {"state_class": "measurement"}
    return part if unit is None else part | {"unit_of_meas": unit}
