"""The ring keeps absolute indices, whatever is written."""

import threading

import numpy as np
import pytest

from agent.acquisition.ring_buffer import Ring
from agent.core.types import Mark
from tests.conftest import eventually


def ring(frames: int = 100) -> Ring:
    return Ring(frames, 1, lambda: None)


def write(into: Ring, first: int, frames: int, patient: bool = False) -> bool:
    """Frames whose value is their index."""
    samples = np.arange(first, first + frames, dtype=np.float32)[:, None]
    return into.write(samples, np.zeros(frames, np.uint8), patient)


def values(into: Ring, first: int, frames: int) -> list[float]:
    return [float(v) for v in into.read(first, frames)[0][:, 0]]


@pytest.mark.parametrize("block", [1, 7, 24, 25, 99])
def test_reads_back_by_index_whatever_the_blocks(block: int) -> None:
    r = ring()
    for first in range(0, 1000 - block, block):
        r.expect(first, 1)
        write(r, first, block)
        assert values(r, first, block) == list(range(first, first + block))


def test_a_frame_that_is_gone_is_zero_and_marked_overrun() -> None:
    r = ring()
    write(r, 0, 150)
    samples, marks, _ = r.read(40, 20)
    assert (marks[:10] == Mark.OVERRUN).all()
    assert (samples[:10] == 0).all()
    assert values(r, 50, 10) == list(range(50, 60))


def test_counts_frames_overwritten_before_they_were_read_and_no_others() -> None:
    r = ring()
    write(r, 0, 100)
    r.expect(30, 10)  # the first 30 have been read
    write(r, 100, 50)
    assert r.overrun == 20


def test_a_patient_writer_waits_for_the_reader_and_loses_nothing() -> None:
    r = ring()
    writer = threading.Thread(target=write, args=(r, 0, 1000, True))
    writer.start()
    seen: list[float] = []
    while len(seen) < 1000:
        frames = min(10, r.end - len(seen))
        seen += values(r, len(seen), frames)
        r.expect(len(seen), 1)
    writer.join(5)
    assert seen == list(range(1000))
    assert r.overrun == 0


def test_closing_releases_a_waiting_writer() -> None:
    r = ring()
    took: list[bool] = []
    writer = threading.Thread(target=lambda: took.append(write(r, 0, 1000, patient=True)))
    writer.start()
    r.close()
    writer.join(5)
    assert took == [False]


@pytest.mark.parametrize("gap", [1, 30, 100, 10_000_000])
def test_a_gap_moves_the_index_and_is_counted_and_marked(gap: int) -> None:
    r = ring()
    write(r, 0, 50)
    r.skip(gap)
    write(r, 50 + gap, 10)
    assert (r.end, r.gaps, r.missing) == (60 + gap, 1, gap)
    assert values(r, 50 + gap, 10) == list(range(50 + gap, 60 + gap))
    _, marks, _ = r.read(49 + gap, 2)
    assert list(marks) == [Mark.GAP, 0]


def test_wakes_the_reader_only_when_its_window_is_complete() -> None:
    woken: list[int] = []
    r = Ring(100, 1, lambda: woken.append(r.end))
    r.expect(0, 20)
    write(r, 0, 19)
    assert woken == []
    write(r, 19, 1)
    assert woken == [20]


def test_a_patient_writer_leaves_the_history_before_the_readers_window() -> None:
    into = Ring(100, 1, lambda: None, history=50)
    into.expect(200, 20)
    thread = threading.Thread(target=write, args=(into, 0, 1000, True), daemon=True)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()  # it waits: what it would overwrite is history
    assert into.end >= 220  # and the reader's window is there all the same
    assert into.clean(200, 50)[:, 0].tolist() == list(range(150, 200))
    into.close()
    thread.join(5)
    assert not thread.is_alive()


def reaches(into: Ring, end: int) -> None:
    eventually(lambda: into.end >= end, 5, "the window is complete")


def test_a_long_history_never_keeps_a_window_from_being_complete() -> None:
    into = Ring(40, 1, lambda: None, history=5000)  # a window of 20, as small as a ring may be
    thread = threading.Thread(target=write, args=(into, 0, 20_000, True), daemon=True)
    thread.start()
    for first in range(0, 19_980, 20):
        into.expect(first, 20)
        reaches(into, first + 20)
    into.close()


def test_clean_frames_end_where_asked_and_begin_behind_the_last_mark() -> None:
    ring = Ring(10, 1, lambda: None)
    count = np.arange(16, dtype=np.float32)[:, None]
    marks = np.zeros(16, np.uint8)
    marks[8] = Mark.CLIPPED
    ring.expect(16, 1)
    ring.write(count, marks)
    assert ring.clean(14, 5)[:, 0].tolist() == [9, 10, 11, 12, 13]
    assert ring.clean(14, 9)[:, 0].tolist() == [9, 10, 11, 12, 13]
    assert ring.clean(8, 9)[:, 0].tolist() == [6, 7]  # what is older has been overwritten
    assert ring.clean(9, 9)[:, 0].tolist() == []


def test_frames_that_never_arrived_are_not_counted_as_overwritten() -> None:
    ring = Ring(100, 1, lambda: None)
    ring.expect(0, 50)
    ring.write(np.ones((20, 1), np.float32), np.zeros(20, np.uint8))
    ring.skip(50)
    ring.write(np.ones((100, 1), np.float32), np.zeros(100, np.uint8))
    assert (ring.missing, ring.overrun) == (50, 20)


def test_the_writer_knows_how_many_frames_complete_the_next_window() -> None:
    ring = Ring(100, 1, lambda: None)
    ring.expect(0, 20)
    assert ring.frames_to_due == 20
    write(ring, 0, 15)
    assert ring.frames_to_due == 5
    ring.expect(10, 20)
    assert ring.frames_to_due == 15
    write(ring, 15, 15)  # complete, and not taken yet: the next one is a hop of 10 behind it
    assert ring.frames_to_due == 10
    write(ring, 30, 12)
    assert ring.frames_to_due == 8
