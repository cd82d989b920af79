"""A node's frames: what is lost, doubled, late or damaged is told, and nothing of it is spliced."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.types import Block
from agent.sources.sensor_nodes import frames
from agent.sources.sensor_nodes.frames import FrameError
from agent.sources.sensor_nodes.receiver import Receiver
from agent.sources.sensor_nodes.sequence import Sequence

RATE_HZ = 1000.0
HOLD_S, MOST = 0.1, 8
PIECE = 10  # frames


def ramp(first: int, count: int = PIECE) -> np.ndarray:
    """Samples that say which they are."""
    return np.arange(first, first + count, dtype=np.float32).reshape(-1, 1)


def taken(sequence: Sequence, now_s: float) -> Iterator[Block]:
    while (block := sequence.take(now_s)) is not None:
        yield block


def placed(blocks: list[Block], start: int = 0) -> list[tuple[int, int]]:
    """(index, sample) of every frame, by counting what came and what was lost."""
    at, found = start, []
    for block in blocks:
        at += block.lost
        found += [(at + n, int(value)) for n, value in enumerate(block.samples[:, 0])]
        at += len(block.samples)
    return found


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_what_is_packed_comes_back(dtype: str) -> None:
    values = (np.random.default_rng(0).standard_normal((7, 3)) * 1000).astype(dtype)
    packed = frames.pack(values, 2**32 + 5)
    head = frames.head(packed)
    assert (head.dtype, head.channels, head.frames, head.first) == (dtype, 3, 7, 5)
    scale = 1 if dtype == "float32" else 2.0 ** (1 - 8 * values.itemsize)
    assert np.array_equal(
        frames.samples(head, packed), values.astype(np.float32) * np.float32(scale)
    )


def test_the_layout_is_as_documented() -> None:
    packed = frames.pack(np.array([[1, -2]], np.int16), 0x01020304)
    assert packed.hex() == "4453010102000100040302010100feff"
    assert frames.crc(b"123456789") == 0x29B1  # the check value of CRC-16/CCITT-FALSE


@given(st.binary(max_size=40))
def test_garbage_is_malformed_and_nothing_else(data: bytes) -> None:
    inbox = Receiver(RATE_HZ, "int16", 1)
    inbox.put(data, 0.0)
    inbox.put(frames.MAGIC + b"\x01\x01" + data, 0.0)
    assert inbox.take(0.0).samples.dtype == np.float32


@given(st.data())
def test_a_cut_or_lengthened_frame_is_refused(data: st.DataObject) -> None:
    whole = frames.pack(np.ones((5, 2), np.int16), 0)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + b"x"):
        with pytest.raises(FrameError):
            frames.samples(frames.head(wrong), wrong)


def test_frames_of_another_shape_are_refused_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = Receiver(RATE_HZ, "int16", 1)
    for at in range(3):
        inbox.put(frames.pack(np.ones((5, 2), np.int16), at * 5), 0.0)
        inbox.put(frames.pack(np.ones((5, 1), np.int32), at * 5), 0.0)
    assert inbox.refusals.count == 6
    assert caplog.messages == ["refused: found int16 in 2 channels, expected int16 in 1"]
    assert len(inbox.take(0.0).samples) == 0


def test_lost_pieces_are_a_gap_of_their_length() -> None:
    sequence = Sequence(RATE_HZ)
    for at in (0, 10, 40):
        sequence.put(at, ramp(at), at / RATE_HZ)
    blocks = list(taken(sequence, 0.04))
    assert [block.lost for block in blocks] == [0, 0, 20]
    assert (sequence.lost, sequence.late) == (20, 0)


def test_a_piece_that_was_overtaken_is_put_back_and_one_that_is_lost_not_long_waited_for() -> None:
    sequence = Sequence(RATE_HZ, HOLD_S, MOST)
    for at in (0, 20, 10, 40):
        sequence.put(at, ramp(at), 0.0)
    early = list(taken(sequence, 0.0))
    assert placed(early) == [(n, n) for n in range(30)]
    assert list(taken(sequence, HOLD_S / 2)) == []
    assert [block.lost for block in taken(sequence, HOLD_S)] == [10]
    sequence.put(30, ramp(30), HOLD_S)  # too late: what follows on it has been given
    assert list(taken(sequence, HOLD_S)) == []
    assert sequence.late == 1


@pytest.mark.parametrize("start", [0, 2**32 - 35])
@settings(max_examples=100, deadline=None)
@given(order=st.lists(st.integers(0, 11), max_size=40))
def test_in_whatever_order_pieces_come_each_sample_is_at_its_own_index_or_missing(
    start: int, order: list[int]
) -> None:
    """Also where the index wraps."""
    sequence = Sequence(RATE_HZ, HOLD_S, MOST)
    sequence.put(start, ramp(0), 0.0)
    blocks = list(taken(sequence, 0.0))
    for step, piece in enumerate(order):
        sequence.put((start + piece * PIECE) % 2**32, ramp(piece * PIECE), step * 0.02)
        blocks += taken(sequence, step * 0.02)
    blocks += taken(sequence, 100.0)
    found = placed(blocks)
    assert all(at == value for at, value in found)
    assert len({at for at, _ in found}) == len(found)
    assert sequence.restarts == 0
    assert sequence.lost == sum(block.lost for block in blocks)


@pytest.mark.parametrize("first", [0, 123_456_789])
def test_a_node_that_starts_again_is_a_gap_of_unknown_length(first: int) -> None:
    """One frame at least is missing; how many more, the clock tells."""
    sequence = Sequence(RATE_HZ, HOLD_S, MOST)
    sequence.put(50_000, ramp(0), 0.0)
    sequence.put(50_010, ramp(10), 0.01)
    sequence.put(first, ramp(0), 5.0)
    sequence.put(first + PIECE, ramp(10), 5.01)
    assert [block.lost for block in taken(sequence, 5.01)] == [0, 0, 1, 0]
    assert sequence.restarts == 1


def test_an_index_is_believed_as_far_as_time_explains_it() -> None:
    sequence = Sequence(RATE_HZ)
    sequence.put(0, ramp(0), 0.0)
    sequence.put(10_010, ramp(0), 10.0)
    assert [block.lost for block in taken(sequence, 10.0)] == [0, 10_000]
    assert sequence.restarts == 0
