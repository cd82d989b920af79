"""Announcements of bundles over MQTT, and the place from which each may be fetched. Pure."""

import re
from typing import Annotated

import msgspec

from agent.core.annotated import PositiveInt, Sha256
from agent.core.errors import UserError
from agent.inference.bundle import NAME, VERSION
from agent.messages import command

MOST_BYTES = 2048
BELOW = (
    r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"  # no ".." and no percent-encoding
)


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bundle to roll out; the announcement is only trusted to say where the bundle is."""

    name: Annotated[str, msgspec.Meta(pattern=f"^{NAME}$")]  # of the model, as in `sources[].model`
    version: Annotated[str, msgspec.Meta(pattern=f"^{VERSION}$")]
    sha256: Sha256  # of the bundle
    size: PositiveInt  # of the bundle, in bytes
    url: str  # below `rollout.from`: the whole URL, or the part after it


def read(payload: bytes) -> Announcement:
    """The announcement in a payload; `UserError`."""
    try:
        tree = command.parse(payload, MOST_BYTES)
        return msgspec.convert(tree, Announcement, strict=True)
    except command.Refused as error:
        raise UserError(f"announcement: {error}") from None
    except msgspec.ValidationError as error:
        raise UserError(f"announcement: {ascii(str(error))[1:-1][:200]}") from None


def place(announcement: Announcement, source: str) -> str:
    """The bundle's URL or path below `source`; `UserError` where it is elsewhere."""
    prefix = source.rstrip("/") + "/"
    below = announcement.url.removeprefix(prefix)
    if not re.fullmatch(BELOW, below):
        url = ascii(announcement.url)[:200]
        raise UserError(f"announcement: url: found {url}, expected a plain name below {prefix}")
    return prefix + below
