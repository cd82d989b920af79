"""The sender's loop: what is queued is committed and sent at once, whatever happens meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.core.types import Gap, Message, Receipt
from agent.delivery import commit_pace
from agent.delivery import sender as module
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import Sender
from tests.conftest import eventually

NEVER_S = 3600.0


@dataclass
class RecordingSink:
    """A sink that acknowledges at once, and says when it has nothing to do."""

    sent: list[int] = field(default_factory=list)
    polling: threading.Event = field(default_factory=threading.Event)
    state: str = "connected"
    why: str | None = None
    session: int = 1
    in_flight_limit: int = 100
    most_bytes: int = 1 << 20
    _awake: threading.Event = field(default_factory=threading.Event)
    _receipts: list[Receipt] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.sent.append(message.seq)
        self._receipts.append(Receipt(message.seq))

    def poll(self, timeout_s: float) -> list[Receipt]:
        receipts, self._receipts = self._receipts, []
        if not receipts:
            self.polling.set()
            self._awake.wait(timeout_s)
            self.polling.clear()
            self._awake.clear()
        return receipts

    def wake(self) -> None:
        self._awake.set()

    def close(self) -> None:
        pass


@dataclass
class Running:
    sender: Sender
    outbox: Outbox
    sink: RecordingSink

    def put(self, *, urgent: bool = True) -> None:
        self.sender.put(lambda _epoch, seq: Message(seq, "t", b"x"), urgent=urgent)

    def sent(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.sink.sent) == count


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A sender that would sleep for an hour unless it is woken."""
    monkeypatch.setattr(module, "IDLE_S", NEVER_S)
    monkeypatch.setattr(commit_pace, "ACKNOWLEDGED_S", NEVER_S)
    outbox, sink = Outbox(tmp_path / "o.sqlite", Limits(), _no_gap), RecordingSink()
    health = Message(0, "health", b"{}", qos=0)
    sender = Sender(outbox, sink, lambda: health, NEVER_S, lambda: None, commits_per_s=1000)
    monkeypatch.setattr(sender, "_health_due_s", time.monotonic() + NEVER_S)
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    yield Running(sender, outbox, sink)
    sender.finish(0.0)
    thread.join(5)
    assert not thread.is_alive()


def _no_gap(epoch: str, gap: Gap) -> Message:
    raise AssertionError("nothing is over a limit here")


def test_every_message_wakes_a_sender_that_sleeps(running: Running) -> None:
    for count in range(1, 20):
        eventually(running.sink.polling.is_set, 5, "the sender sleeps")
        running.put(urgent=count % 2 == 0)
        eventually(running.sent(count), 5, "the message is sent")


def test_a_message_that_is_queued_just_after_a_commit_still_wakes_the_sender(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender commits an earlier message and goes to sleep while the next one is queued."""
    queue = running.outbox.put

    def late(make: Callable[[str, int], Message]) -> int:
        eventually(running.sent(1), 5, "the earlier message is sent")
        eventually(running.sink.polling.is_set, 5, "the sender sleeps")
        return queue(make)

    eventually(running.sink.polling.is_set, 5, "the sender sleeps")
    monkeypatch.setattr(running.outbox, "put", queue)
    running.put()
    monkeypatch.setattr(running.outbox, "put", late)
    running.put()
    eventually(running.sent(2), 5, "the later message is sent")


def test_messages_from_several_threads_are_all_sent_in_order(running: Running) -> None:
    def put_many() -> None:
        for number in range(200):
            running.put(urgent=number % 3 == 0)

    threads = [threading.Thread(target=put_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(running.sent(800), 20, "all are sent")
    assert running.sink.sent == list(range(1, 801))
