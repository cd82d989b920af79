"""Describes the agent and its sources for the MQTT device discovery of Home Assistant.

The agent is a device and each source is one (`via_device`), each described by one retained message
on `homeassistant/device/<id>/config`. Pure; `agent.delivery.discovery` sends the messages.
See https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import get_args

import msgspec

from agent import __version__
from agent.core.model_contract import NO_NETWORK
from agent.core.place import Place
from agent.core.types import Decision, Message
from agent.messages import payloads
from agent.messages.homeassistant_alarms import alarms
from agent.messages.homeassistant_components import (
    Component,
    button,
    change,
    diagnostic,
    enumeration,
    measurement,
    or_none,
    problem,
    update,
)
from agent.messages.homeassistant_levels import levels
from agent.messages.homeassistant_machines import entities
from agent.messages.machine_info import MachineInfo
from agent.messages.records import SourceInfo

PREFIX = "homeassistant"
STATUS = f"{PREFIX}/status"  # where Home Assistant publishes `online`
ORIGIN = {"name": "drsn-agent", "sw": __version__}
CAPTURE_S = 10.0  # of signal that the button keeps: what the ring holds by default
WINDOWS_S = 60.0  # of windows that the button has published


def configs(
    topics: payloads.Topics,
    sources: Sequence[SourceInfo],
    verbs: Sequence[str] = (),
    machines: Sequence[MachineInfo] = (),
) -> list[Message]:
    """One message per device; the agent's first, since the others refer to it, then the machines'.

    `verbs` are the commands that the agent carries out: those with a use get a button.
    """
    agent = _message(_id(topics), _agent(topics, sources, verbs))
    return [
        agent,
        *(_message(_id(topics, info.name), _machine(topics, info)) for info in machines),
        *(_message(_id(topics, info.name), _source(topics, info, verbs)) for info in sources),
    ]


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


def _agent(
    topics: payloads.Topics, sources: Sequence[SourceInfo], verbs: Sequence[str]
) -> Component:
    health = topics.of("health")
    device = {"ids": [_id(topics)], "name": topics.agent, "mf": "drsn-agent", "sw": __version__}
    waiting = diagnostic("Messages waiting", health, "{{ value_json.outbox.depth }}")
    memory = diagnostic("Memory", health, "{{ value_json.process.rss_mib }}")
    parts = {
        "waiting": waiting | {"state_class": "measurement"},
        "memory": memory
        | {"unit_of_meas": "MiB", "dev_cla": "data_size", "state_class": "measurement"},
    }
    parts |= {f"model-{name}": _model(topics, name) for name in _models(sources)}
    return _device(topics, parts | _agent_buttons(topics, verbs), device)


def _models(sources: Sequence[SourceInfo]) -> list[str]:
    """The names of the networks in use."""
    return sorted({info.model.name for info in sources} - {NO_NETWORK})


def _model(topics: payloads.Topics, name: str) -> Component:
    """The version that runs, and the one that is being rolled out."""
    versions = (
        f"value_json.sources | selectattr('model.name', 'eq', {json.dumps(name)}) "
        "| map(attribute='model.version') | first | default('')"
    )
    running = (
        f"{{% set version = {versions} %}}"
        "{{ {'installed_version': version, 'latest_version': version} | tojson }}"
    )
    newest = (
        "{{ value_json.candidate.version if value_json.candidate "
        "else this.attributes.installed_version | default('') }}"
    )
    rollout = topics.of("rollout", model=name)
    return update(f"Model {name}", topics.of("info"), running, rollout, newest)


def _agent_buttons(topics: payloads.Topics, verbs: Sequence[str]) -> dict[str, Component]:
    buttons = {
        "ping": ("Ping", {}),
        "reload": ("Read the configuration again", {}),
        "outbox": ("Send set-aside messages again", {"action": "retry"}),
    }
    return {
        f"{verb}-button": button(name, topics.of("command", verb=verb), arguments)
        for verb, (name, arguments) in buttons.items()
        if verb in verbs
    }


def _machine(topics: payloads.Topics, info: MachineInfo) -> Component:
    device: Component = {
        "ids": [_id(topics, info.name)],
        "name": f"{topics.agent} {info.name}",
        "mf": "drsn-agent",
        "mdl": f"machine of {len(info.points)} points",
        "via_device": _id(topics),
    }
    if info.area is not None:
        device["sa"] = info.area
    return _device(topics, entities(topics.of("machine", machine=info.name)), device)


def _placed(topics: payloads.Topics, place: Place) -> Component:
    """What a device has of its place: area, direction, and the machine behind it."""
    parts: Component = {}
    if place.area is not None:
        parts["sa"] = place.area
    if place.direction is not None:
        parts["mdl_id"] = place.direction
    if place.machine is not None:
        parts["via_device"] = _id(topics, place.machine)
    return parts


def _source(topics: payloads.Topics, info: SourceInfo, verbs: Sequence[str]) -> Component:
    device = {
        "ids": [_id(topics, info.name)],
        "name": f"{topics.agent} {info.name}",
        "mf": "drsn-agent",
        "mdl": f"{info.model.name} {info.model.version}",
        "via_device": _id(topics),
    }
    if info.place is not None:
        device |= _placed(topics, info.place)
    parts = _state(topics, info) | alarms(topics, info.name, verbs)
    parts |= levels(topics.of("measurement", source=info.name), info)
    parts["change"] = _change(topics.of("event", source=info.name))
    return _device(topics, parts | _source_buttons(topics, info, verbs), device)


def _state(topics: payloads.Topics, info: SourceInfo) -> dict[str, Component]:
    state = topics.of("state", source=info.name)
    # Home Assistant reads None as "unknown": the fault is neither on nor off while in doubt.
    off = "'normal': 'OFF', 'detected': 'OFF', 'stopped': 'OFF'"
    fault = f"{{{{ {{'fault': 'ON', {off}}}.get(value_json.decision, 'None') }}}}"
    broken = "{{ 'ON' if value_json.decision == 'sensor_fault' else 'OFF' }}"
    latency = f"value_json.sources[{json.dumps(info.name)}].latency_ms"
    return {
        "fault": problem("Fault", state, fault),
        "sensor-fault": problem("Sensor fault", state, broken) | {"ent_cat": "diagnostic"},
        "decision": enumeration("Decision", state, "decision", get_args(Decision)),
        "label": enumeration("Label", state, "label", info.labels),
        "confidence": measurement(
            "Confidence", state, or_none("probability", "(100 * {0}) | round(1)"), "%"
        ),
        "shrinkage": measurement("Shrinkage", state, or_none("shrinkage")),
        "latency": measurement(
            "Latency",
            topics.of("health"),
            f"{{{{ {latency}[0] if {latency} else 'None' }}}}",
            "ms",
        )
        | {"dev_cla": "duration"},
    }


def _change(topic: str) -> Component:
    """Each change of state, with what a notification needs as attributes."""
    attributes = {
        "event_type": "value_json.decision",
        "label": "value_json.label",
        "probability": "value_json.probability",
        "previous": "value_json.previous",
        "why": "value_json.basis.sentence if value_json.basis else none",
        "flags": "value_json.flags",
        "evidence": "value_json.evidence",
        "event_id": "value_json.event_id",
    }
    pairs = ", ".join(f"'{key}': {value}" for key, value in attributes.items())
    return change("Change", topic, get_args(Decision), f"{{{{ {{{pairs}}} | tojson }}}}")


def _source_buttons(
    topics: payloads.Topics, info: SourceInfo, verbs: Sequence[str]
) -> dict[str, Component]:
    buttons = {
        "capture": ("Keep the last seconds", {"source": info.name, "seconds": CAPTURE_S}),
        "publish_windows": (
            "Publish windows for a minute",
            {"source": info.name, "seconds": WINDOWS_S},
        ),
    }
    return {
        f"{verb.replace('_', '-')}-button": button(name, topics.of("command", verb=verb), arguments)
        for verb, (name, arguments) in buttons.items()
        if verb in verbs
    }
