"""Hostile bytes: half of them mutants of valid messages, half made without any."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

LARGEST = 64 * 1024  # bytes of one case
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    -0.0,
    1e308,
    "",
    "\0",
    "\u202e",
    "x" * 5000,
    [],
    {},
    [[[[]]]],
    {"schema": {}},
)
TOKENS: tuple[bytes, ...] = (
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b'"',
    b"\\u",
    b"\\ud800",
    b"null",
    b"NaN",
    b"-",
)
TOKENS += (b"1e999", b"9" * 4400, b"\xff\xfe", b"\0", b"\n", b"&a ", b"*a", b"!!", b"- ", b"%00")


def cases(valid: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """`count` cases, the same for the same seed."""
    chance = random.Random(seed)
    for at in range(count):
        case = mutant(chance, chance.choice(valid)) if at % 2 else garbage(chance)
        yield case[:LARGEST]


def garbage(chance: random.Random) -> bytes:
    """Bytes that were never a message."""
    kind = chance.randrange(6)
    size = int(2 ** chance.uniform(0, 12))
    if kind == 0:
        return chance.randbytes(size)
    if kind == 1:
        return b"".join(chance.choice(TOKENS) for _ in range(size % 200))
    if kind == 2:
        opening = chance.choice((b"[", b'{"a":', b"- ", b'{"epoch":['))
        return opening * size
    if kind == 3:
        return json.dumps({str(key): chance.choice(VALUES) for key in range(size % 50)}).encode()
    if kind == 4:
        return chance.choice((b"", b"\0", b" ", b"{}", b"[]", b"null", b'""', b"\xef\xbb\xbf{}"))
    return b'{"' + chance.randbytes(size) + b'":"' + chance.randbytes(size) + b'"}'


def mutant(chance: random.Random, valid: bytes) -> bytes:
    """A valid message with one to four changes; some keep it valid."""
    data = valid
    for _ in range(chance.randrange(1, 5)):
        data = chance.choice((_flip, _cut, _insert, _repeat, _json_value))(chance, data)
    return data


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes) -> bytes:
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:first] + data[last:] if chance.random() < 0.5 else data[:last]


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((chance.choice(TOKENS), chance.randbytes(4))) + data[at:]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    first, last = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first:last] * chance.randrange(1, 5) + data[last:]


def _json_value(chance: random.Random, data: bytes) -> bytes:
    """Another value somewhere in the tree; other bytes as they are."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = list(_places(tree))
    if not places:
        return data
    holder, key = chance.choice(places)
    holder[key] = chance.choice(VALUES)
    return json.dumps(tree).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for key, value in items:
        yield tree, key
        yield from _places(value)
