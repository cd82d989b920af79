"""The entities of a source's alarm and its maintenance. Pure."""

import json
from collections.abc import Sequence

from agent.core.alarms import ALARMS
from agent.messages import payloads
from agent.messages.homeassistant_components import (
    Component,
    button,
    enumeration,
    switch,
    with_attributes,
)

MAINTAINED = "{{ 'true' if value_json.maintenance else 'false' }}"


def alarms(topics: payloads.Topics, source: str, verbs: Sequence[str]) -> dict[str, Component]:
    """By the entity's key; what commands are needed for is there where they are allowed."""
    state = topics.of("state", source=source)
    alarm = with_attributes(enumeration("Alarm", state, "alarm", ALARMS), "alarm_basis")
    parts = {"alarm": alarm}
    if "maintenance" in verbs:
        command = topics.of("command", verb="maintenance")
        arguments = f'{{"source": {json.dumps(source)}, "on": {{{{ value }}}}}}'
        maintenance = switch("Maintenance", state, MAINTAINED, command, arguments)
        parts["maintenance-switch"] = with_attributes(maintenance, "maintenance")
    else:
        shown = {"p": "binary_sensor", "name": "Maintenance", "ent_cat": "diagnostic"}
        shown |= {"stat_t": state, "val_tpl": MAINTAINED, "pl_on": "true", "pl_off": "false"}
        parts["maintenance"] = with_attributes(shown, "maintenance")
    if "acknowledge" in verbs:
        command = topics.of("command", verb="acknowledge")
        press = button("Acknowledge the alarm", command, {"source": source})
        parts["acknowledge-button"] = press
    return parts
