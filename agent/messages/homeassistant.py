"""Home Assistant finds the agent and its sources by itself: MQTT device discovery.

One device for the agent and one for each source (`via_device`), each described by one retained
message on `homeassistant/device/<id>/config`. Pure; `agent.delivery.discovery` sends them.
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
STATUS = f"{PREFIX}/status"  # where Home Assistant says that it is `online`
ORIGIN = {"name": "drsn-agent", "sw": __version__}
Component = dict[str, Any]


def configs(topics: payloads.Topics, sources: Sequence[SourceInfo]) -> list[Message]:
    """A message a device; the agent's own first, since the others refer to it."""
    agent = _message(_id(topics), _agent(topics))
    return [agent, *(_message(_id(topics, each.name), _source(topics, each)) for each in sources)]


def removal(topic: str) -> Message:
    """Takes the device that was described on `topic` away."""
    return Message(0, topic, b"", retain=True, qos=0)


def _message(device_id: str, payload: Component) -> Message:
    topic = f"{PREFIX}/device/{device_id}/config"
    return Message(0, topic, msgspec.json.encode(payload), retain=True, qos=0)


def _id(topics: payloads.Topics, *source: str) -> str:
    """Readable, the same after every start, and of no other device: names may hold any letter."""
    names = (topics.agent, *source)
    digest = hashlib.sha256("/".join((topics.base, *names)).encode()).hexdigest()[:8]
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", f"drsn-{'-'.join(names)}-{digest}")


def _device(topics: payloads.Topics, parts: dict[str, Component], device: Component) -> Component:
    """A device and its entities; what all of them share stands once."""
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
    # Neither on nor off where it is in doubt; Home Assistant takes None for "unknown".
    fault = "{{ {'fault': 'ON', 'normal': 'OFF'}.get(value_json.decision, 'None') }}"
    broken = "{{ 'ON' if value_json.decision == 'sensor_fault' else 'OFF' }}"
    latency = f"value_json.sources[{json.dumps(info.name)}].latency_ms"
    sure = "{{ (100 * value_json.probability) | round(1) if value_json.probability is not none }}"
    shrinkage = "{{ value_json.shrinkage if value_json.shrinkage is not none else 'None' }}"
    parts: dict[str, Component] = {
        "fault": _problem("Fault", state, fault),
        "sensor-fault": _problem("Sensor fault", state, broken) | {"ent_cat": "diagnostic"},
        "decision": _words("Decision", state, "decision", get_args(Decision)),
        "label": _words("Label", state, "label", info.labels),
        "confidence": _measured("Confidence", state, sure.replace(" }}", " else 'None' }}"), "%"),
        "shrinkage": _measured("Shrinkage", state, shrinkage),
        "latency": _measured(
            "Latency",
            topics.of("health"),
            f"{{{{ {latency}[0] if {latency} else 'None' }}}}",
            "ms",
        ),
    }
    parts["latency"]["dev_cla"] = "duration"
    return _device(topics, parts, device)


def _problem(name: str, topic: str, template: str) -> Component:
    part = {"p": "binary_sensor", "name": name, "dev_cla": "problem"}
    return part | {"stat_t": topic, "val_tpl": template}


def _words(name: str, topic: str, field: str, words: Sequence[str]) -> Component:
    template = f"{{{{ value_json.{field} if value_json.{field} is not none else 'None' }}}}"
    part = {"p": "sensor", "name": name, "dev_cla": "enum", "options": list(words)}
    return part | {"stat_t": topic, "val_tpl": template}


def _diagnostic(name: str, topic: str, template: str) -> Component:
    part = {"p": "sensor", "name": name, "ent_cat": "diagnostic"}
    return part | {"stat_t": topic, "val_tpl": template}


def _measured(name: str, topic: str, template: str, unit: str | None = None) -> Component:
    part = _diagnostic(name, topic, template) | {"state_class": "measurement"}
    return part if unit is None else part | {"unit_of_meas": unit}
