"""The section `commands` of the configuration: nothing may be asked for that is not named here."""

from typing import Annotated

import msgspec

from agent.core.errors import ConfigError

VERBS = (
    "ping",
    "publish_windows",
    "capture",
    "reload",
)  # `agent.control.operations` has what each does


class Commands(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    allow: tuple[str, ...] = ()
    max_bytes: Annotated[int, msgspec.Meta(ge=64, le=65536)] = 2048  # of a command


def check(commands: Commands, sources: tuple[str, ...]) -> None:
    """`ConfigError` for a verb that there is not, and for a source in the commands' place."""
    for at, verb in enumerate(commands.allow):
        if verb not in VERBS:
            expected = ", ".join(VERBS)
            raise ConfigError(f"commands.allow[{at}]: found {verb!r}, expected one of {expected}")
    if commands.allow and "cmd" in sources:
        raise ConfigError("sources: found the name cmd, expected another: commands come there")
