"""A serial line: garbage between good frames costs what it has hit, and is told as a gap."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import sources
from agent.config.validation import convert
from agent.core.errors import ConfigError, UserError
from agent.core.types import Block, Source, SourceError
from agent.sources import serial
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.deframer import Deframer
from agent.sources.sensor_nodes.text_lines import TextLines

RATE_HZ = 1000.0


def options(**keys: Any) -> serial.Options:
    return convert({"rate_hz": RATE_HZ, "port": "unused"} | keys, serial.Options, "")


def piece(first: int, count: int = 10) -> bytes:
    values = np.arange(first, first + count, dtype=np.int16).reshape(-1, 1)
    return frames.seal(frames.pack(values, first))


def indices(blocks: list[Block]) -> list[tuple[int, int]]:
    """(index, sample) of every frame, by counting what came and what was lost."""
    at, found = 0, []
    for block in blocks:
        at += block.lost
        found += [(at + n, round(v * 32768)) for n, v in enumerate(block.samples[:, 0].tolist())]
        at += len(block.samples)
    return found


def pushed(decoder: Any, data: bytes, step: int = 7) -> list[Block]:
    cuts = [data[at : at + step] for at in range(0, len(data), step)]
    return [block for at, cut in enumerate(cuts) for block in decoder.push(cut, at / 1000)]


def test_a_frame_with_a_wrong_checksum_is_a_gap_of_its_length() -> None:
    decoder = Deframer(RATE_HZ, "int16", 1)
    spoilt = bytearray(piece(10))
    spoilt[15] ^= 1
    blocks = pushed(decoder, piece(0) + bytes(spoilt) + piece(20))
    assert indices(blocks) == [(n, n) for n in (*range(10), *range(20, 30))]
    assert decoder.receiver.refusals.count >= 1


def test_a_cut_frame_takes_only_the_next_one_with_it_at_worst() -> None:
    decoder = Deframer(RATE_HZ, "int16", 1)
    data = piece(0) + piece(10)[:17] + piece(20) + piece(30) + piece(40)
    blocks = pushed(decoder, data)
    found = indices(blocks)
    assert all(at == value for at, value in found)
    assert {0, 30, 40} <= {at for at, _ in found}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=30), st.just(frames.MAGIC)), max_size=12),
    st.integers(30, 300),
)
def test_garbage_between_frames_moves_no_sample(garbage: list[bytes], step: int) -> None:
    decoder = Deframer(RATE_HZ, "int16", 1)
    data = piece(0)
    for at, each in enumerate(garbage, start=1):
        data += each + piece(at * 10)
    data += piece((len(garbage) + 1) * 10) * 600  # long enough to outlast any false length
    blocks = pushed(decoder, data, step)
    found = indices(blocks)
    assert found[0] == (0, 0)
    assert all(at == value for at, value in found)
    assert found[-1][0] == (len(garbage) + 1) * 10 + 9


def test_lines_of_numbers_are_frames_however_they_are_separated_and_cut() -> None:
    decoder = TextLines(RATE_HZ, 3)
    text = b"9,9\r\n1,2,3\r\n-4.5; 5e-1 ;6\n7\t8  9\n\n"
    blocks = pushed(decoder, text, 3)
    together = np.concatenate([block.samples for block in blocks])
    assert together.tolist() == [[1, 2, 3], [-4.5, 0.5, 6], [7, 8, 9]]
    assert sum(block.lost for block in blocks) == 0


@pytest.mark.parametrize("wrong", [b"1", b"1,2,3", b"x,y", b"1,\xff", b"\x00\x01", b"9" * 9000])
def test_a_line_that_is_none_is_a_lost_frame(wrong: bytes) -> None:
    decoder = TextLines(RATE_HZ, 2)
    blocks = pushed(decoder, b"\n1,1\n" + wrong + b"\n2,2\n", 100)
    assert [(block.samples.tolist(), block.lost) for block in blocks if len(block.samples)] == [
        ([[1, 1]], 0),
        ([[2, 2]], 1),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_text_without_a_crash(data: bytes) -> None:
    decoder = TextLines(RATE_HZ, 1)
    for block in [*decoder.push(data, 0.0), *decoder.push(b"\n1\n", 0.0)]:
        assert block.samples.shape[1] == 1


def read_for(source: Source, seconds: float) -> None:
    give_up_s = time.monotonic() + seconds
    while time.monotonic() < give_up_s:
        source.read()


@dataclass
class Line:
    """Our end of a pseudo terminal."""

    file: int
    port: str

    def write(self, data: bytes) -> None:
        os.write(self.file, data)


@pytest.fixture
def line() -> Iterator[Line]:
    ours, theirs = os.openpty()
    yield Line(ours, os.ttyname(theirs))
    for file in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(file)


def test_a_board_that_is_unplugged_is_a_source_error_and_can_be_opened_again(line: Line) -> None:
    chosen = options(port=line.port)
    source = sources.open_source("serial", chosen)
    line.write(b"0\n1\n")
    assert source.read() is not None
    os.close(line.file)
    with pytest.raises(SourceError, match="the port failed"):
        read_for(source, 5.0)
    source.close()
    with pytest.raises(SourceError, match=r"/dev/nowhere: cannot be opened"):
        sources.open_source("serial", options(port="/dev/nowhere"))


def test_a_silent_board_keeps_nobody_waiting(line: Line) -> None:
    source = sources.open_source("serial", options(port=line.port))
    began_s = time.monotonic()
    block = source.read()
    assert block is not None
    assert len(block.samples) == 0
    assert time.monotonic() - began_s < 0.4
    source.close()


def test_a_second_reader_of_the_same_port_is_told(line: Line) -> None:
    first = sources.open_source("serial", options(port=line.port))
    with pytest.raises(SourceError, match="cannot be opened"):
        sources.open_source("serial", options(port=line.port))
    first.close()


def test_a_port_that_is_no_name_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"port: found 'nix://x', expected a port"):
        sources.open_source("serial", options(port="nix://x"))


def test_without_pyserial_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "serial", None)
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[serial\]'"):
        sources.open_source("serial", options())
