"""The section `agent` of the configuration."""

import contextlib
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from agent.core import files
from agent.core.annotated import Name

OUTBOX = "outbox.sqlite"  # in the state directory
AGENT_ID = "agent-id"  # beside an outbox that came from a backup: the id that the agent had
SHORT_ID = "short-id"  # beside an outbox that was made since the default is the short host name
MAX_ID_BYTES = 256


def short_host_name() -> str:
    """The host's name without its domain: brokers treat dots in topics in ways of their own."""
    return host_name().partition(".")[0] or host_name()


def host_name() -> str:
    """The host's name, with what no topic level may hold replaced by `-`."""
    return re.sub(r"[+#/\s]", "-", socket.gethostname())


def default_id(state_dir: Path) -> str:
    """The agent's id where none is configured.

    An outbox that was made while the default was the host's whole name (up to 0.2) keeps it, and
    one that was restored from a backup has the id from there: the host may be another.
    """
    with contextlib.suppress(OSError, ValueError):
        if name := files.read(state_dir / AGENT_ID, MAX_ID_BYTES).decode().strip():
            return name
    made_earlier = _exists(state_dir / OUTBOX) and not _exists(state_dir / SHORT_ID)
    return host_name() if made_earlier else short_host_name()


def _exists(path: Path) -> bool:
    """False, too, where this user may not look."""
    try:
        return path.exists()
    except OSError:
        return False


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Name = msgspec.field(default_factory=short_host_name)
    state_dir: str = "/var/lib/drsn-agent"
    sink: Literal["mqtt", "sparkplug", "stdout"] = "mqtt"
    health_s: Annotated[float, msgspec.Meta(ge=0.01, le=86400)] = (
        10.0  # between two health messages
    )
