"""Parses the payload of a command; refuses everything that is not exactly a command."""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec

from agent.core import json_input

ID = r"^[A-Za-z0-9._:-]{1,64}$"
MAX_DEPTH = 4


class Refused(Exception):  # noqa: N818 - the outcome of a command, not an error
    """Why a command is not carried out, in one line; `id` is the command's, if readable."""

    def __init__(self, why: str, id: str | None = None) -> None:
        super().__init__(why)
        self.id = id


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The message on `cmd/<verb>`, never retained."""

    id: Annotated[str, msgspec.Meta(pattern=ID)]  # comes back in the result; of one command only
    expires: Annotated[datetime, msgspec.Meta(tz=True)]  # at most an hour ahead
    arguments: dict[str, Any] = {}  # the verb's


def read(payload: bytes, max_bytes: int) -> Command:
    """The command in a payload; `Refused`."""
    tree = parse(payload, max_bytes)
    id = tree.get("id")
    readable = id if isinstance(id, str) and re.fullmatch(ID, id) else None
    try:
        return msgspec.convert(tree, Command, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(_printable(error), readable) from None


def arguments(command: Command, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The command's arguments as the record of its verb; `Refused`."""
    try:
        return converted(command.arguments, kind)
    except Refused as refusal:
        raise Refused(str(refusal), command.id) from None


def converted(tree: dict[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Arguments from outside as the record of a verb; `Refused`."""
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(f"arguments: {_printable(error)}") from None


def parse(payload: bytes, max_bytes: int) -> dict[str, Any]:
    """The JSON object in a payload (see `json_input.decode_object`); `Refused`."""
    try:
        return json_input.decode_object(payload, max_bytes=max_bytes, max_depth=MAX_DEPTH)
    except json_input.JsonError as error:
        raise Refused(str(error)) from None


def _printable(error: msgspec.ValidationError) -> str:
    return ascii(str(error))[1:-1][:200]
