"""The section `sparkplug` of the configuration; `agent.sink: sparkplug` switches it on."""

import importlib

import msgspec

from agent.core import extras
from agent.core.annotated import Name
from agent.core.errors import ConfigError, UserError


class Sparkplug(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    group: Name
    node: Name | None = None  # None: agent.id


def check(sink: str, section: Sparkplug | None, needs_plain_mqtt: bool) -> None:
    """`ConfigError` for the Sparkplug sink without its section, or without protobuf.

    `needs_plain_mqtt`: the configuration uses commands or Home Assistant, which Sparkplug lacks.
    """
    if sink != "sparkplug":
        return
    if section is None:
        raise ConfigError("sparkplug: found none beside agent.sink: sparkplug, expected a group")
    if needs_plain_mqtt:
        raise ConfigError(
            "agent.sink: found sparkplug beside commands.allow or mqtt.home_assistant, "
            "expected mqtt for these"
        )
    try:
        importlib.import_module("google.protobuf")
    except ImportError:
        raise UserError(
            f"agent.sink: found sparkplug and no protobuf, expected {extras.install('sparkplug')}"
        ) from None
