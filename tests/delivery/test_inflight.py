"""What is in flight belongs to one connection, and silence is measured while something is."""

import time

import pytest

from agent.core.types import Receipt
from agent.delivery.inflight import InFlight


def test_an_acknowledgement_of_the_last_connection_is_not_taken_for_one_of_this() -> None:
    in_flight = InFlight()
    in_flight.begin()
    in_flight.sent(1, 70)
    in_flight.begin()
    assert len(in_flight) == 0
    assert not in_flight.acknowledge(1, None)
    in_flight.sent(1, 71)
    assert in_flight.acknowledge(1, "not authorized")
    assert in_flight.receipts() == [Receipt(71, "not authorized")]
    assert in_flight.receipts() == []


def test_silence_begins_with_the_first_message_and_ends_with_an_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    in_flight = InFlight()
    in_flight.begin()
    for number, at_s in enumerate((100.0, 103.0), start=1):
        now_s[0] = at_s
        in_flight.about_to_send()
        in_flight.sent(number, number)
    assert in_flight.silent_s() == 3.0
    in_flight.acknowledge(1, None)
    assert in_flight.silent_s() == 0.0
