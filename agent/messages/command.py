"""A command's payload, read with suspicion: what is not exactly a command is refused."""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec

from agent.core import json_input

ID = r"^[A-Za-z0-9._:-]{1,64}$"
MAX_DEPTH = 4


class Refused(Exception):  # noqa: N818 - a command's fate, no error of ours
    """Why a command is not carried out, in one line; `id` is its own, where it can be read."""

    def __init__(self, why: str, id: str | None = None) -> None:
        super().__init__(why)
        self.id = id


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is published on `cmd/<verb>`, never retained."""

    id: Annotated[str, msgspec.Meta(pattern=ID)]  # comes back in the result; of one command only
    expires: Annotated[datetime, msgspec.Meta(tz=True)]  # at most an hour ahead
    arguments: dict[str, Any] = {}  # the verb's


def read(payload: bytes, max_bytes: int) -> Command:
    """The command in it; `Refused`."""
    tree = parse(payload, max_bytes)
    found = tree.get("id")
    known = found if isinstance(found, str) and re.fullmatch(ID, found) else None
    try:
        return msgspec.convert(tree, Command, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(_printable(error), known) from None


def arguments(command: Command, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The verb's own; `Refused`."""
    try:
        return msgspec.convert(command.arguments, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(f"arguments: {_printable(error)}", command.id) from None


def parse(payload: bytes, max_bytes: int) -> dict[str, Any]:
    """A JSON object without tricks; `Refused`."""
    try:
        return json_input.decode_object(payload, max_bytes=max_bytes, max_depth=MAX_DEPTH)
    except json_input.JsonError as error:
        raise Refused(str(error)) from None


def _printable(error: msgspec.ValidationError) -> str:
    return ascii(str(error))[1:-1][:200]
