"""What is announced over MQTT, and where the agent may fetch it. Pure."""

import re
from typing import Annotated

import msgspec

from agent.core.annotated import PositiveInt, Sha256
from agent.core.errors import UserError
from agent.inference.bundle import NAME, VERSION
from agent.messages import command

MOST_BYTES = 2048
BELOW = r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"  # no ".." and nothing coded


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bundle that is to be rolled out; it is trusted for nothing but where to look."""

    name: Annotated[str, msgspec.Meta(pattern=f"^{NAME}$")]  # of the model, as sources have it
    version: Annotated[str, msgspec.Meta(pattern=f"^{VERSION}$")]
    sha256: Sha256  # of the bundle
    size: PositiveInt  # of the bundle, in bytes
    url: str  # below `rollout.from`, whole or as what follows that


def read(payload: bytes) -> Announcement:
    """The announcement in it; `UserError`."""
    try:
        tree = command.parse(payload, MOST_BYTES)
        return msgspec.convert(tree, Announcement, strict=True)
    except command.Refused as error:
        raise UserError(f"announcement: {error}") from None
    except msgspec.ValidationError as error:
        raise UserError(f"announcement: {ascii(str(error))[1:-1][:200]}") from None


def place(announced: Announcement, source: str) -> str:
    """The URL or path, which lies below `source`; `UserError`."""
    prefix = source.rstrip("/") + "/"
    below = announced.url.removeprefix(prefix)
    if not re.fullmatch(BELOW, below):
        found = ascii(announced.url)[:200]
        raise UserError(f"announcement: url: found {found}, expected a plain name below {prefix}")
    return prefix + below
