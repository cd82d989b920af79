"""A server's connections are few, and none stays longer than its time."""

import math
import socket
import time

import pytest

from agent.core.connections import Connections


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_one_too_many_is_not_admitted_until_another_leaves() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    few = Connections(2, 10.0)
    assert [few.admit(near) for near, _ in pairs] == [True, True, False]
    few.leave(pairs[0][0])
    few.leave(pairs[2][0])
    assert few.admit(pairs[2][0])
    assert len(few) == 2
    for pair in pairs:
        for end in pair:
            end.close()


def test_a_connection_is_shut_down_when_its_time_is_over_and_one_with_more_time_is_not(
    now: list[float],
) -> None:
    pairs = [socket.socketpair() for _ in range(4)]
    few = Connections(4, 10.0)
    for near, far in pairs:
        assert few.admit(near)
        far.setblocking(False)
    few.extend(pairs[1][0], math.inf)
    few.extend(pairs[2][0], 60.0)
    now[0] += 9.0
    few.extend(pairs[3][0])
    now[0] += 2.0
    few.shut_late()
    assert pairs[0][1].recv(1) == b""
    for _, far in pairs[1:]:
        with pytest.raises(BlockingIOError):
            far.recv(1)
    assert pairs[0][0].recv(1) == b"", "its own thread finds it at an end"
    for pair in pairs:
        for end in pair:
            end.close()
