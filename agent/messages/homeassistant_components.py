"""Entities of Home Assistant's MQTT integration, in the abbreviated keys of its discovery. Pure.

See https://www.home-assistant.io/integrations/mqtt/#supported-abbreviations-in-mqtt-discovery-messages.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Component = dict[str, Any]
EXPIRES = "(utcnow() + timedelta(minutes=1)).isoformat()"


def or_none(field: str, shown: str = "{0}") -> str:
    """The template of a field of the payload, as `shown`; None where the field is null."""
    value = f"value_json.{field}"
    return f"{{{{ {shown.format(value)} if {value} is not none else 'None' }}}}"


def problem(name: str, topic: str, template: str) -> Component:
    part = {"p": "binary_sensor", "name": name, "dev_cla": "problem"}
    return part | {"stat_t": topic, "val_tpl": template}


def enumeration(name: str, topic: str, field: str, options: Sequence[str]) -> Component:
    part = {"p": "sensor", "name": name, "dev_cla": "enum", "options": list(options)}
    return part | {"stat_t": topic, "val_tpl": or_none(field)}


def diagnostic(name: str, topic: str, template: str) -> Component:
    part = {"p": "sensor", "name": name, "ent_cat": "diagnostic"}
    return part | {"stat_t": topic, "val_tpl": template}


def measurement(name: str, topic: str, template: str, unit: str | None = None) -> Component:
    """A diagnostic number that Home Assistant keeps statistics of."""
    part = diagnostic(name, topic, template) | {"state_class": "measurement"}
    return part if unit is None else part | {"unit_of_meas": unit}


def change(name: str, topic: str, types: Sequence[str], template: str) -> Component:
    """An event entity; the template gives a JSON object with `event_type`, one of `types`."""
    part = {"p": "event", "name": name, "evt_typ": list(types)}
    return part | {"stat_t": topic, "val_tpl": template}


def button(name: str, topic: str, arguments: Mapping[str, object]) -> Component:
    """A press sends a command with those arguments."""
    part = {"p": "button", "name": name, "ent_cat": "config"}
    return part | {"cmd_t": topic, "cmd_tpl": _command(json.dumps(arguments))}


def switch(name: str, topic: str, template: str, command: str, arguments: str) -> Component:
    """`template` gives `true` or `false`; `arguments` are JSON, with the state as `{{ value }}`."""
    part = {"p": "switch", "name": name, "ent_cat": "config", "pl_on": "true", "pl_off": "false"}
    part |= {"stat_t": topic, "val_tpl": template}
    return part | {"cmd_t": command, "cmd_tpl": _command(arguments)}


def with_attributes(part: Component, field: str) -> Component:
    """The same entity with the fields of a record in its payload, which may be null."""
    template = f"{{{{ (value_json.{field} or {{}}) | tojson }}}}"
    return part | {"json_attr_t": part["stat_t"], "json_attr_tpl": template}


def _command(arguments: str) -> str:
    """A command with those arguments; its id is the time, and it expires in a minute."""
    return (
        '{"id": "ha-{{ utcnow().timestamp() }}", '
        f'"expires": "{{{{ {EXPIRES} }}}}", "arguments": {arguments}}}'
    )


def update(name: str, topic: str, template: str, newest: str, newest_template: str) -> Component:
    """An update entity that cannot install: the roll-out decides.

    `template` gives a JSON object with `installed_version`; `newest` is the topic of the newest
    version.
    """
    part = {"p": "update", "name": name, "ent_cat": "diagnostic"}
    part |= {"stat_t": topic, "val_tpl": template}
    return part | {"l_ver_t": newest, "l_ver_tpl": newest_template}
