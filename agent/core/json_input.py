"""JSON from outside: broker messages, state files, bundles, model files. One decoder for all of it.

Checks the size first, then the nesting, then the types, each in time that grows with the size
alone. Whatever the bytes are, the outcome is a value or a `JsonError` of one printable line.
"""

import json
import math
from typing import Any, TypeVar

import msgspec

MAX_BYTES = 2**20
MAX_DEPTH = 16
MAX_DIGITS = 20  # of an integer in strict JSON

T = TypeVar("T")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class JsonError(ValueError):
    """Why bytes are not the JSON that was expected, in one printable line."""


def decode(
    data: bytes, kind: type[T], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> T:
    """The value of type `kind` in `data`; of keys that come twice the last one. `JsonError`."""
    _check(data, max_bytes, max_depth)
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # bytes that are no UTF-8 are a ValueError, too
        raise JsonError(_printable(error)) from None


def decode_object(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """A JSON object without tricks: each key once, no NaN, no endless number. `JsonError`."""
    _check(data, max_bytes, max_depth)
    try:
        tree = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_int=_short_integer,
            parse_float=_finite_float,
        )
        json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except JsonError:
        raise
    except (ValueError, RecursionError):
        raise JsonError("found no JSON") from None
    if not isinstance(tree, dict):
        raise JsonError("found no JSON object")
    return tree


def is_deeper(data: bytes, most: int) -> bool:
    """Whether brackets outside of strings nest deeper than `most`.

    Innermost pairs are removed `most` times. Brackets without their partners count too, where they
    are many: it is no JSON then. Each step runs over the bytes once, without a loop in Python.
    """
    outside = data.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    brackets = b"".join(outside).translate(None, _NO_BRACKETS)
    for _ in range(most):
        shorter = brackets.replace(b"[]", b".").replace(b"{}", b".").replace(b".", b"")
        if shorter == brackets:
            break
        brackets = shorter
    return len(brackets) > most or b"[]" in brackets or b"{}" in brackets


def _check(data: bytes, max_bytes: int, max_depth: int) -> None:
    if len(data) > max_bytes:
        raise JsonError(f"found {len(data)} bytes, expected at most {max_bytes}")
    if is_deeper(data, max_depth):
        raise JsonError(f"nested deeper than {max_depth}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise JsonError("found a key twice")
    return tree


def _no_constant(name: str) -> float:
    raise JsonError(f"found {name}, expected a number")


def _short_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonError("found a number with too many digits")
    return int(digits)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if len(digits) > 2 * MAX_DIGITS or not math.isfinite(number):
        raise JsonError("found a number out of range")
    return number


def _printable(error: Exception) -> str:
    return ascii(str(error))[1:-1][:200] or type(error).__name__
