"""The section `agent` of the configuration."""

import re
import socket
from typing import Annotated, Literal

import msgspec

from agent.core.annotated import Name


def host_name() -> str:
    """The host's name, with what no topic level may hold replaced by `-`."""
    return re.sub(r"[+#/\s]", "-", socket.gethostname())


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Name = msgspec.field(default_factory=host_name)
    state_dir: str = "/var/lib/drsn-agent"
    sink: Literal["mqtt", "sparkplug", "stdout"] = "mqtt"
    health_s: Annotated[float, msgspec.Meta(ge=0.01, le=86400)] = (
        10.0  # between two health messages
    )
