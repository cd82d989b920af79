"""Whatever bytes come from outside: a value, or one line that says why not."""

import contextlib
import random
import time
from typing import Any

import msgspec
import pytest

from agent.core.json_input import JsonError, decode, decode_object, is_deeper

VALID = b'{"id": "a-1", "expires": "2026-01-02T03:04Z", "arguments": {"seconds": 5, "x": [1, 2]}}'


class Record(msgspec.Struct):
    id: str
    arguments: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"epoch":"\xff\xfe"}', "UTF-8|utf-8|missing"),
        (b"[" * 100_000, "nested deeper than 16"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "nested deeper than 16"),
        (b" " * (2**20 + 1), "found 1048577 bytes, expected at most 1048576"),
        (b"", "truncated|JSON"),
        (b"null", "object|JSON"),
        (b"\x00", "JSON"),
        (b'{"id": "\\ud800"}', "truncated|JSON"),
        (b"1" * 5000, "range|JSON"),
    ],
)
def test_what_is_no_such_json_is_one_printable_line(data: bytes, why: str) -> None:
    for read in (lambda: decode(data, Record), lambda: decode_object(data)):
        with pytest.raises(JsonError) as error:
            read()
        assert str(error.value).isprintable()
        assert str(error.value).isascii()
    with pytest.raises(JsonError, match=why):
        decode(data, Record)


@pytest.mark.parametrize(
    "data",
    [b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": ' + b"9" * 21 + b"}", b"[1]"],
)
def test_an_object_without_tricks_has_each_key_once_and_only_plain_numbers(data: bytes) -> None:
    with pytest.raises(JsonError):
        decode_object(data)


def test_brackets_in_strings_are_not_nesting() -> None:
    data = b'["[[[", "\\"[[", {"a": "]]"}]'
    assert [most for most in range(9) if is_deeper(data, most)] == [0, 1]
    assert decode(b'"' + b"[" * 100 + b'"', str) == "[" * 100


@pytest.mark.parametrize(
    "data",
    [
        b'"\\' * 500_000,
        b'\\"' * 500_000,
        b'"' * 2**20,
        b"{}[]" * 250_000,
        b"\\" * 2**20,
        b"[" * 2**20,
    ],
)
def test_no_bytes_take_more_than_linear_time(data: bytes) -> None:
    def spent_s(part: bytes) -> float:
        began_s = time.process_time()
        is_deeper(part, 16)
        return time.process_time() - began_s

    small, large = (min(spent_s(data[:size]) for _ in range(3)) for size in (2**16, 2**19))
    assert large < 24 * small + 0.01  # eight times the bytes; quadratic would take 64 times


def test_how_deep_it_may_nest_is_kept_to_the_bracket() -> None:
    rng = random.Random(1)
    for _ in range(300):
        opened = [rng.choice("[{") for _ in range(rng.randint(1, 24))]
        closed = ["]" if one == "[" else "}" for one in reversed(opened)]
        data = "".join([*opened, "[]{}" * rng.randint(0, 2), *closed]).encode()
        deepest = len(opened) + (b"[]{}" in data[len(opened) : -len(opened)])
        assert [is_deeper(data, most) for most in (deepest - 1, deepest)] == [True, False]


@pytest.mark.parametrize(
    "unit", [b"[", b"{}", b'{"a":[],', b'"', b"\\", b'\\"', b"[" * 15 + b"]" * 15]
)
def test_the_largest_input_of_any_shape_takes_less_than_a_tenth_of_a_second(unit: bytes) -> None:
    data = (unit * (2**20 // len(unit) + 1))[: 2**20]
    spent_s = []
    for _ in range(3):
        began_s = time.process_time()
        with contextlib.suppress(JsonError):
            decode(data, Record)
        spent_s.append(time.process_time() - began_s)
    assert min(spent_s) < 0.1


def mutant(rng: random.Random) -> bytes:
    data = bytearray(VALID)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) or 1)
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 30)]
            case _:
                data[at:at] = rng.choice([b"\xff", b"[", b'"', b"\\", b"1e9", b"\\u0000", b"{}"])
    return bytes(data)


def test_ten_thousand_inputs_half_of_them_mutants_end_in_a_value_or_a_line() -> None:
    rng = random.Random(0)
    accepted, lines = 0, []
    for n in range(10_000):
        data = mutant(rng) if n % 2 else rng.randbytes(rng.randrange(200))
        for read in (lambda data=data: decode(data, Record), lambda data=data: decode_object(data)):
            try:
                read()
                accepted += 1
            except JsonError as error:
                lines.append(str(error))
    assert all(line.isprintable() for line in lines)
    assert accepted > 100  # mutants reach beyond the first check
