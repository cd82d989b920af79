"""The sender thread: from outbox to sink, in order, with a limited number in flight."""

import collections
import logging
import time
from collections.abc import Callable, Sequence

from agent.core.types import Message, Receipt, Sink
from agent.delivery.coalesced import CoalescedMessages
from agent.delivery.commit_pace import COMMITS_PER_S, CommitPace
from agent.delivery.outbox import Outbox
from agent.delivery.refusals import RETRY_S, SOON_S, Refusals
from agent.delivery.retained import RetainedMessages

MAX_IN_FLIGHT = 20
IDLE_S = 1.0
LATENCIES = 1000  # messages whose time from outbox to acknowledgement is remembered
OVERHEAD = 128  # bytes of a packet beside topic and payload: header and properties

log = logging.getLogger("drsn.outbox")


class Sender:
    """Delivers until `finish` is called. `run` is the thread; the rest is for other threads.

    `turn` is called in every turn of the loop, at least about once a second, and may raise to end
    it; `health` makes the message that is sent every `health_s` seconds while connected.
    """

    def __init__(
        self,
        outbox: Outbox,
        sink: Sink,
        health: Callable[[], Message],
        health_s: float,
        turn: Callable[[], None],
        *,
        commits_per_s: float = COMMITS_PER_S,
        latencies_s: collections.deque[float] | None = None,
    ) -> None:
        """`latencies_s` receives the seconds from `put` to acknowledgement of each message."""
        empty: collections.deque[float] = collections.deque(maxlen=LATENCIES)
        self.latencies_s = empty if latencies_s is None else latencies_s
        self._put_s: dict[int, float] = {}  # of messages of this run, for their latency
        self._outbox = outbox
        self._sink = sink
        self._health = health
        self._health_s = health_s
        self._turn = turn
        self._health_due_s = time.monotonic() + min(1.0, health_s)
        self._commit_pace = CommitPace(commits_per_s)
        self._urgent = False  # a message waits that no window may delay
        self._behind = False  # committed messages wait for others to be acknowledged
        self._called = False  # the sink was woken since the loop's turn began
        self._refusals = Refusals()
        self._retained = RetainedMessages()
        self._backing_off = False  # as it was logged
        self._session = 0
        self._session_s = 0.0  # when it began
        self._cursor = 0  # the last seq that was sent in this session
        self._in_flight: set[int] = set()
        self._unqueued: collections.deque[Message] = collections.deque()
        self._coalesced = CoalescedMessages()
        self._stop_by_s: float | None = None  # monotonic; None: `finish` was not called

    def put(self, make: Callable[[str, int], Message], *, urgent: bool = True) -> None:
        """Queues a message, see `Outbox.put`; one that is not urgent may wait for a few others."""
        seq = self._outbox.put(make)
        if len(self._put_s) < LATENCIES:
            self._put_s[seq] = time.monotonic()
        if urgent:
            self._urgent = True
        self._call()

    def send_unqueued(self, message: Message) -> None:
        """Sends a message soon if there is a connection; it is not kept for later."""
        self._unqueued.append(message)
        self._call()

    def put_newest(self, message: Message) -> None:
        """Queues a message that replaces the one before it on its topic, where that still waits."""
        self._coalesced.put(message)
        self._call()

    @property
    def parked(self) -> Outbox:
        """The outbox with its parked messages; for the sender thread."""
        return self._outbox

    def retained(self) -> list[Message]:
        """The newest delivered message on each retained topic; for the sender thread."""
        return self._retained.messages()

    def retry_parked(self, seqs: Sequence[int]) -> int:
        """Sends parked messages again; how many. `DiskError`; in the sender thread."""
        again = self._outbox.retry(seqs)
        if self._session:
            self._refusals.send_again(seq for seq in again if seq <= self._cursor)
        return len(again)

    def finish(self, within_s: float) -> None:
        """Has `run` end when everything is delivered, at the latest after `within_s`."""
        self._stop_by_s = time.monotonic() + within_s
        self._call()

    def run(self) -> None:
        while not self._finished():
            # Before anything is looked at: who queues something from here on calls anew.
            self._called = False
            self._turn()
            self._commit()
            self._send_due()
            self._beat()
            if not (self._in_flight or self._outbox.waiting):
                self._outbox.tidy()
            self._note(self._sink.poll(self._patience_s()))
        self._outbox.close()
        self._sink.close()

    def _finished(self) -> bool:
        if self._stop_by_s is None:
            return False
        now_s = time.monotonic()
        delivered = self._outbox.depth == 0 and not self._coalesced.waiting(now_s)
        return delivered or now_s >= self._stop_by_s

    def _commit(self) -> None:
        began_s = time.monotonic()
        if self._commit_wait_s(began_s) > 0:
            return
        self._urgent = False  # before the queue is read: a message that comes now sets it again
        self._outbox.commit(max(self._in_flight, default=0))
        self._commit_pace.committed(began_s, time.monotonic(), self._outbox.trouble is not None)

    def _commit_wait_s(self, now_s: float) -> float:
        outbox = self._outbox
        return self._commit_pace.wait_s(
            now_s, outbox.waiting, outbox.uncommitted, self._urgent, self._behind
        )

    def _call(self) -> None:
        """Ends the sink's `poll`, once a turn; what is to be sent has been queued before."""
        if not self._called:
            self._called = True
            self._sink.wake()

    def _send_due(self) -> None:
        self._behind = False
        if not self._sink.in_flight_limit:
            self._lose_session()
            return
        if self._sink.session != self._session:
            self._lose_session()
            self._begin_session()
        now_s = time.monotonic()
        if self._refusals.paused(now_s):
            return
        for seq in self._refusals.due(now_s, self._room()):
            self._send([item for item in self._outbox.after(seq - 1, 1) if item.seq == seq])
        if not self._refusals.crowded:
            self._send_fresh()
        if not (self._behind or self._refusals.one_at_a_time):  # only once nothing else waits
            self._send_coalesced(now_s)

    def _send_coalesced(self, now_s: float) -> None:
        for message in self._coalesced.due(now_s, self._room()):
            if (why := self._too_large(message)) is None:
                self._retained.sent(message)
                self._sink.send(message)
            else:
                self._coalesced.drop(message, now_s, why)

    def _send_fresh(self) -> None:
        """Sends what this session has not sent yet; refused messages wait for their time."""
        waiting = self._refusals.waiting()
        while (room := self._room()) > 0 and (fresh := self._outbox.after(self._cursor, room)):
            self._cursor = fresh[-1].seq
            self._send([message for message in fresh if message.seq not in waiting])
        self._behind = self._room() <= 0

    def _room(self) -> int:
        """How many more messages may be in flight."""
        limit = min(MAX_IN_FLIGHT, self._sink.in_flight_limit)
        most = 1 if self._refusals.one_at_a_time else limit
        return most - len(self._in_flight) - self._coalesced.in_flight

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            if (why := self._too_large(message)) is not None:
                self._outbox.park(message.seq, why)
                continue
            self._in_flight.add(message.seq)
            self._retained.sent(message)
            self._sink.send(message)

    def _too_large(self, message: Message) -> str | None:
        """Why the broker cannot take a message of that size; None: it can."""
        size, most = (
            OVERHEAD + len(message.topic.encode()) + len(message.payload),
            self._sink.most_bytes,
        )
        return f"{size} bytes, and the broker takes {most}" if size > most else None

    def _begin_session(self) -> None:
        """Starts a session: everything that is not acknowledged is sent again.

        So is what was retained: the broker may have been restarted.
        """
        for message in self._retained.messages():
            self._sink.send(message)
        self._outbox.commit()  # stores acknowledgements, so that those are not sent again
        self._session, self._session_s = self._sink.session, time.monotonic()
        self._cursor = 0

    def _lose_session(self) -> None:
        now_s = time.monotonic()
        lived_s = now_s - self._session_s
        self._coalesced.connection_lost(now_s, suspected=lived_s <= SOON_S)
        if not self._in_flight:
            return
        culprit = self._refusals.connection_lost(self._in_flight, lived_s)
        if culprit is not None:
            self._outbox.park(culprit, "every connection that it was sent on was closed")
        self._in_flight.clear()
        self._retained.connection_lost()

    def _note(self, receipts: list[Receipt]) -> None:
        now_s = time.monotonic()
        self._coalesced.settle([receipt for receipt in receipts if receipt.seq < 0], now_s)
        delivered = [receipt.seq for receipt in receipts if receipt.refused is None]
        self._retained.delivered(delivered)
        receipts = [receipt for receipt in receipts if receipt.seq > 0]
        delivered = [seq for seq in delivered if seq > 0]
        put_s = [self._put_s.pop(seq) for seq in delivered if seq in self._put_s]
        self.latencies_s.extend(now_s - began_s for began_s in put_s)
        self._outbox.settle(delivered)
        for receipt in receipts:
            self._in_flight.discard(receipt.seq)
            if receipt.refused is None:
                self._refusals.delivered([receipt.seq])
            elif self._refusals.refused(receipt.seq, now_s, receipt.passing):
                self._outbox.park(receipt.seq, f"refused by the broker: {receipt.refused}")
        self._log_backing_off(receipts)

    def _log_backing_off(self, receipts: list[Receipt]) -> None:
        """Logs when the broker begins and ceases to refuse everything."""
        backing_off = self._refusals.backing_off
        if backing_off and not self._backing_off:
            why = next((item.refused for item in reversed(receipts) if item.refused), "")
            log.warning("the broker refuses all messages (%s): they wait", why)
        elif self._backing_off and not backing_off:
            log.warning("the broker takes messages again")
        self._backing_off = backing_off

    def _beat(self) -> None:
        """Sends health and other unqueued messages while connected."""
        now_s = time.monotonic()
        if self._sink.state != "connected":
            self._unqueued.clear()  # a new session begins with what is so then
        while self._unqueued and self._sink.in_flight_limit:
            self._sink.send(self._unqueued.popleft())
        if self._sink.in_flight_limit and now_s >= self._health_due_s:
            self._sink.send(self._health())
            self._health_due_s = now_s + self._health_s

    def _patience_s(self) -> float:
        """How long the sink may be polled before the next task is due."""
        now_s = time.monotonic()
        until_health_s = self._health_due_s - now_s
        idle_s = min(IDLE_S, until_health_s if until_health_s > 0 else IDLE_S)
        if self._refusals.waiting():
            idle_s = min(idle_s, RETRY_S / 2)
        return min(idle_s, self._commit_wait_s(now_s))
