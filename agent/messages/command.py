"""A command's payload, read with suspicion: what is not exactly a command is refused."""

import json
import math
import re
from datetime import datetime
from typing import Annotated, Any

import msgspec

ID = r"^[A-Za-z0-9._:-]{1,64}$"
MOST_DEPTH = 4
MOST_DIGITS = 20  # of a number


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


def read(payload: bytes, most_bytes: int) -> Command:
    """The command in it; `Refused`."""
    tree = parse(payload, most_bytes)
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


def parse(payload: bytes, most_bytes: int) -> dict[str, Any]:
    """A JSON object without tricks; `Refused`."""
    if len(payload) > most_bytes:
        raise Refused(f"found {len(payload)} bytes, expected at most {most_bytes}")
    try:
        text = payload.decode("utf-8")
        if _depth(text) > MOST_DEPTH:
            raise Refused(f"nested deeper than {MOST_DEPTH}")
        tree = json.loads(
            text,
            object_pairs_hook=_once_each,
            parse_constant=_no_constant,
            parse_int=_short_integer,
            parse_float=_finite,
        )
        json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError:  # not UTF-8, not JSON
        raise Refused("found no JSON") from None
    if not isinstance(tree, dict):
        raise Refused("found no JSON object")
    return tree


def _depth(text: str) -> int:
    """How deep brackets nest, outside of strings: looked at before anything recurses."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("found a key twice")
    return found


def _no_constant(name: str) -> float:
    raise Refused(f"found {name}, expected a number")


def _short_integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise Refused("found a number with too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if len(digits) > 2 * MOST_DIGITS or not math.isfinite(number):
        raise Refused("found a number out of range")
    return number


def _printable(error: msgspec.ValidationError) -> str:
    return ascii(str(error))[1:-1][:200]
