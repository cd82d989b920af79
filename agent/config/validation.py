"""Converts plain data into records; an error is one line that names the key path."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from agent.core.errors import ConfigError

T = TypeVar("T")
MAX_SHOWN = 60  # characters of a value or a key

# A number in quotes, with a decimal comma, or in thousands.
NUMBER = re.compile(r"([-+]?\d+(?:[.,]\d+)?) ?([kM]?)(?:Hz)?")
THOUSANDS = {"": 1, "k": 1e3, "M": 1e6}

_PLAIN = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def convert(value: object, kind: type[T], path: str) -> T:
    """`value` as a `kind`; `ConfigError` naming the key path, what was found, what was expected."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(str(error), value, kind, path) from None


def unknown_key(path: str, key: object, allowed: Iterable[str]) -> ConfigError:
    """The error for a key that is not in `allowed`."""
    name = str(key)[:MAX_SHOWN]
    where = f"{path}.{name}" if path else name
    close = difflib.get_close_matches(name, list(allowed), 1)
    hint = f", did you mean {close[0]}?" if close else f", expected one of {', '.join(allowed)}"
    return ConfigError(f"{where}: found an unknown key{hint}")


def _explain(text: str, value: object, kind: type, path: str) -> ConfigError:
    """msgspec's error text about `value` in the words of this project."""
    what, _, where = text.partition(" - at `$")
    steps = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", where)
    part = _value_at(value, steps)
    full = _join(path, where.rstrip("`"))
    if unknown := re.match(r"Object contains unknown field `(.*)`", what):
        return unknown_key(full, unknown[1], _fields(kind, steps))
    if missing := re.match(r"Object missing required field `(.*)`", what):
        return ConfigError(f"{_join(full, '.' + missing[1])}: found nothing, expected a value")
    expected = _choices(kind, steps) if "enum" in what else _expected(what)
    hint = _hint(part, expected)
    return ConfigError(f"{full or 'top level'}: found {show(part)}, expected {expected}{hint}")


def _join(path: str, where: str) -> str:
    return (path + where).removeprefix(".")


def _value_at(value: Any, steps: list[tuple[str, str]]) -> object:
    for key, index in steps:
        try:
            value = value[int(index)] if index else value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _fields(kind: Any, steps: list[tuple[str, str]]) -> tuple[str, ...]:
    """The field names of the record at the end of `steps`."""
    fields: tuple[str, ...] = getattr(_record(_type_at(kind, steps)), "__struct_fields__", ())
    return fields


def _choices(kind: Any, steps: list[tuple[str, str]]) -> str:
    """The words of the Literal at the end of `steps`, which may also be None."""
    union = _type_at(kind, steps)
    members = get_args(union) if get_origin(union) is not Literal else (union,)
    words = [str(word) for member in members for word in get_args(member)]
    return f"one of {', '.join(words) or 'the allowed values'}"


def _type_at(kind: Any, steps: list[tuple[str, str]]) -> Any:
    for key, index in steps:
        if index:
            kind = next((item for item in get_args(kind) if item is not Ellipsis), kind)
        else:
            types = msgspec.structs.fields(_record(kind))
            kind = next((field.type for field in types if field.encode_name == key), kind)
    return kind


def _record(kind: Any) -> Any:
    """The record in a type that may also be None."""
    members = getattr(kind, "__args__", (kind,))
    return next((member for member in members if hasattr(member, "__struct_fields__")), kind)


def _hint(value: object, expected: str) -> str:
    """What to write instead, where the value says it another way than YAML."""
    if isinstance(value, bool | int | float) and expected.startswith("text"):
        return ": write it in quotes"
    if isinstance(value, str) and ("number" in expected):
        number = NUMBER.fullmatch(value)
        if number:
            plain = float(number[1].replace(",", ".")) * THOUSANDS[number[2]]
            return f": write {plain:.12g}" + (", without quotes" if number[1] == value else "")
    return ""


def show(value: object) -> str:
    """The value for an error line, cut short."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _expected(what: str) -> str:
    """ "Expected `int` >= 1, got `str`" in words."""
    expected = re.sub(r", got .*", "", what).removeprefix("Expected ")
    if "RFC3339" in expected:
        return "a time like 2026-01-31T12:00:00Z"
    if expected.startswith("Invalid"):
        return expected
    names = "|".join(_PLAIN)
    plain = re.sub(rf"`((?:{names})(?: \| (?:{names}))*)`", lambda m: _words(m[1]), expected)
    if plain.startswith("text matching regex"):
        return "a name without spaces and without + # /" if "/" in plain else "a topic, no + or #"
    return plain


def _words(names: str) -> str:
    return " or ".join(_PLAIN[name] for name in names.split(" | "))
