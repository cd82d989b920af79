"""A message that no broker takes: found out, set aside with its reason, and nothing else lost."""

import functools
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.types import Gap, Message, Receipt
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import OVERHEAD, Sender

TOPIC = "t"


class Stopped(Exception):  # noqa: N818 - it ends the sender's loop
    pass


@dataclass
class OldBroker:
    """A sink whose broker closes each connection on `poison`, and acknowledges the rest after it.

    `sessions` has what was sent on each connection.
    """

    poison: int
    most_bytes: int = 1 << 20
    sessions: list[list[int]] = field(default_factory=lambda: [[]])
    acknowledged: list[int] = field(default_factory=list)
    state: str = "connected"
    why: str | None = None
    in_flight_limit: int = 3

    @property
    def session(self) -> int:
        return len(self.sessions)

    def send(self, message: Message) -> None:
        if message.seq:
            self.sessions[-1].append(message.seq)

    def poll(self, timeout_s: float) -> list[Receipt]:
        sent = self.sessions[-1]
        if self.poison in sent:
            self.sessions.append([])
            return []
        fresh = [seq for seq in sent if seq not in self.acknowledged]
        self.acknowledged += fresh
        return [Receipt(seq) for seq in fresh]

    def wake(self) -> None: ...

    def close(self) -> None: ...


def message(payload: bytes, _epoch: str, seq: int) -> Message:
    return Message(seq, TOPIC, payload)


def deliver(outbox: Outbox, sink: OldBroker, payloads: list[bytes]) -> None:
    """Runs the sender until everything is delivered or set aside."""

    def turn() -> None:
        if not outbox.depth:
            raise Stopped

    sender = Sender(outbox, sink, lambda: Message(0, "health", b"{}", qos=0), 3600.0, turn)
    for payload in payloads:
        sender.put(functools.partial(message, payload))
    try:
        sender.run()
    except Stopped:
        outbox.close()


def parked(folder: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(folder / "o.sqlite") as db:
        return db.execute("SELECT seq, why FROM parked").fetchall()


def outbox_in(folder: Path) -> Outbox:
    """Its marker of a message that is set aside has a number of its own."""

    def marker(_epoch: str, gap: Gap) -> Message:
        assert gap.why == "parked"
        assert gap.seq is not None
        return Message(gap.seq, TOPIC, b"{}")

    return Outbox(folder / "o.sqlite", Limits(), marker)


def test_one_that_ends_every_connection_is_sent_alone_to_be_sure_that_it_is_the_one(
    tmp_path: Path,
) -> None:
    sink = OldBroker(poison=1)
    deliver(outbox_in(tmp_path), sink, [b"a"] * 5)
    assert sink.sessions[:6] == [[1, 2, 3]] * 3 + [[1]] * 3
    assert parked(tmp_path) == [(1, "every connection that it was sent on was closed")]
    assert sink.acknowledged == [2, 3, 4, 5, 6]  # the last is the marker


def test_one_that_is_larger_than_the_broker_takes_with_its_packet_is_never_sent(
    tmp_path: Path,
) -> None:
    sink = OldBroker(poison=0, most_bytes=1000)
    fits = 1000 - OVERHEAD - len(TOPIC)
    assert OVERHEAD >= 100  # MQTT's header and the properties of our messages
    deliver(outbox_in(tmp_path), sink, [b"x" * fits, b"x" * (fits + 1), b"x"])
    assert parked(tmp_path) == [(2, "1001 bytes, and the broker takes 1000")]
    assert sink.acknowledged == [1, 3, 4]  # the last is the marker
    assert sink.sessions == [[1, 3, 4]]
