"""The section `commands` of the configuration: only the verbs that it names are carried out."""

from typing import Annotated

import msgspec

from agent.core.errors import ConfigError

VERBS = (
    "ping",
    "publish_windows",
    "capture",
    "reload",
    "outbox",
    "commission",
    "acknowledge",
    "comment",
    "label",
    "maintenance",
)  # done by `agent.control.operations`


class Commands(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    allow: tuple[Annotated[str, msgspec.Meta(max_length=64)], ...] = ()
    max_bytes: Annotated[int, msgspec.Meta(ge=64, le=65536)] = 2048  # of a command's payload


def check(commands: Commands, sources: tuple[str, ...]) -> None:
    """`ConfigError` for an unknown verb, and for a source whose topics would be the commands'."""
    for at, verb in enumerate(commands.allow):
        if verb not in VERBS:
            expected = ", ".join(VERBS)
            raise ConfigError(f"commands.allow[{at}]: found {verb!r}, expected one of {expected}")
    if commands.allow and "cmd" in sources:
        raise ConfigError("sources: found the name cmd, expected another: commands come there")
