"""A week without a broker: every state and event is kept, and of measurements the newest."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.core.types import Gap, Message, Receipt
from agent.delivery import store
from agent.delivery.coalesced import LOSSES
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import Sender
from tests.conftest import eventually

DAYS = 6.9  # the outbox keeps seven
MEASURE_S, CHANGE_S = 10.0, 3600.0
SOURCES = ("fan", "pump", "mill")
STEPS = round(DAYS * 86400 / MEASURE_S)
CHANGES = STEPS // round(CHANGE_S / MEASURE_S) * len(SOURCES)


@dataclass
class Clock:
    """The store's, moved by hand."""

    now_s: float = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@dataclass
class Broker:
    """A sink whose broker is away until `come_back`; it may close on a message that it denies."""

    denied: str = "nothing"  # how the topics end on which it closes the connection
    closed: int = 0  # times
    slow: bool = False  # it acknowledges nothing while a test looks

    session: int = 0
    in_flight_limit: int = 0
    state: str = "unreachable"
    why: str | None = None
    most_bytes: int = 1 << 20
    sent: list[Message] = field(default_factory=list)
    _receipts: list[Receipt] = field(default_factory=list)
    _awake: threading.Event = field(default_factory=threading.Event)

    def come_back(self) -> None:
        self.session, self.in_flight_limit = 1, 20
        self.wake()

    def send(self, message: Message) -> None:
        if message.topic.endswith(self.denied):
            self.closed += 1
            self.in_flight_limit = 0
            self._receipts.clear()
        elif self.in_flight_limit:
            self.sent.append(message)
            if not self.slow:
                self._receipts.append(Receipt(message.seq))

    def poll(self, timeout_s: float) -> list[Receipt]:
        if self.closed and not self.in_flight_limit:
            self.session, self.in_flight_limit = self.session + 1, 20
            return []
        receipts, self._receipts = self._receipts, []
        if not receipts:
            self._awake.wait(timeout_s)
            self._awake.clear()
        return receipts

    def wake(self) -> None:
        self._awake.set()

    def close(self) -> None:
        pass


def no_gap(epoch: str, gap: Gap) -> Message:
    raise AssertionError(f"{gap} was dropped")


def change(topic: str) -> Callable[[str, int], Message]:
    return lambda _epoch, seq: Message(seq, topic, b"x")


def started(outbox: Outbox, broker: Broker) -> tuple[Sender, threading.Thread]:
    health = Message(0, "health", b"{}", qos=0)
    sender = Sender(outbox, broker, lambda: health, 3600.0, lambda: None, commits_per_s=1000)
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    return sender, thread


def live_a_week(sender: Sender, outbox: Outbox, clock: Clock) -> None:
    for step in range(1, STEPS + 1):
        clock.now_s += MEASURE_S
        for source in SOURCES:
            payload = str(step).encode()
            sender.put_newest(Message(0, f"drsn/a/{source}/measurement", payload, retain=True))
        if step % round(CHANGE_S / MEASURE_S) == 0:
            for source in SOURCES:
                for last in ("event", "state"):
                    sender.put(change(f"drsn/a/{source}/{last}"))
            eventually(lambda: outbox.waiting < 1000, 10, "the disk has them")


def test_an_outage_of_a_week_loses_no_state_and_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, broker = Clock(), Broker()
    monkeypatch.setattr(store, "time", clock)
    outbox = Outbox(tmp_path / "outbox.sqlite", Limits(messages=2 * CHANGES), no_gap)
    sender, thread = started(outbox, broker)
    live_a_week(sender, outbox, clock)
    eventually(lambda: outbox.depth == 2 * CHANGES, 20, "the disk has all of them, and no more")
    assert outbox.dropped == 0
    broker.come_back()
    eventually(lambda: len(broker.sent) >= 2 * CHANGES + len(SOURCES), 20, "all is delivered")
    sender.finish(5)
    thread.join(10)
    numbered = [message for message in broker.sent if message.seq > 0]
    assert [message.seq for message in numbered] == list(range(1, 2 * CHANGES + 1))
    assert broker.sent[: len(numbered)] == numbered, "what must not be lost goes first"
    newest = str(STEPS).encode()
    measured = {message.topic: message.payload for message in broker.sent if message.seq < 0}
    assert measured == {f"drsn/a/{source}/measurement": newest for source in SOURCES}


def test_a_broker_that_closes_on_measurements_takes_everything_else(tmp_path: Path) -> None:
    """As brokers do that know no reason codes."""
    broker = Broker(denied="/measurement")
    outbox = Outbox(tmp_path / "outbox.sqlite", Limits(), no_gap)
    sender, thread = started(outbox, broker)
    broker.come_back()
    for count in range(1, 31):
        sender.put_newest(Message(0, "drsn/a/fan/measurement", b"x", retain=True))
        sender.put(change("drsn/a/fan/event"))
        eventually(delivered(broker, count), 20, f"event {count} is delivered")
    assert broker.closed == LOSSES, "then the topic rests"
    assert outbox.parked == 0
    sender.finish(5)
    thread.join(10)


def test_messages_in_flight_to_a_distant_broker_hold_no_measurement_back(tmp_path: Path) -> None:
    """With windows there may always be one in flight."""
    broker = Broker(slow=True)
    sender, thread = started(Outbox(tmp_path / "outbox.sqlite", Limits(), no_gap), broker)
    broker.come_back()
    sender.put(change("drsn/a/fan/window"))
    eventually(delivered(broker, 1), 20, "the window is in flight")
    sender.put_newest(Message(0, "drsn/a/fan/measurement", b"x", retain=True))
    eventually(delivered(broker, -1), 20, "the measurement is sent beside it")
    sender.finish(0)
    thread.join(10)


def delivered(broker: Broker, seq: int) -> Callable[[], bool]:
    return lambda: any(message.seq == seq for message in list(broker.sent))
