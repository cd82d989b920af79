"""A first-in-first-out queue of messages, on disk until the sink has acknowledged them.

`put` is called by the main thread and never waits for the disk; everything else is called by
the sender thread, which owns the database. A message may be sent only once it is committed, so
a sequence number that was sent is never used for another message.

Messages over a limit (number, bytes, age) are dropped from the oldest end and replaced by one gap
marker. The marker is an ordinary message with the place and number of the last message that it
replaces, so every hole in the sequence is explained.
"""

import collections
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from agent.core.types import Gap, Message
from agent.delivery.disk import DiskError
from agent.delivery.parked import ParkedMessage, runs
from agent.delivery.store import Row, Store

IN_MEMORY = (
    2000  # messages that wait while the disk cannot be written; beyond that the oldest are dropped
)
FEW = 100  # messages in one transaction while the disk is in trouble

log = logging.getLogger("drsn.outbox")


class Limits(msgspec.Struct, frozen=True):
    """How much may wait for a broker."""

    messages: int = 100_000
    bytes: int = 256 << 20  # of payload
    age_s: float = 7 * 86400.0


class Outbox:
    """One per state directory; `path` None keeps it in memory, for runs that keep nothing.

    `make_gap(epoch, gap)` makes the marker's message.
    """

    def __init__(
        self, path: Path | None, limits: Limits, make_gap: Callable[[str, Gap], Message]
    ) -> None:
        self.trouble: str | None = None  # why the disk cannot be written
        self._store = Store(path)
        self._limits = limits
        self._make_gap = make_gap
        self._lock = threading.Lock()  # of `_waiting`, which `put` shares with the sender thread
        self._waiting: collections.deque[Row] = collections.deque()
        self._next = self._store.last_seq + 1
        self._settled: list[int] = []
        self._to_park: list[tuple[int, str]] = []
        self._unmarked: list[int] = []  # set aside, and in no gap marker yet

    @property
    def epoch(self) -> str:
        return self._store.state.epoch

    @property
    def last_seq(self) -> int:
        """Number of the newest message, of this run or an earlier one; 0: none."""
        return self._next - 1

    @property
    def dropped(self) -> int:
        """Messages dropped since the epoch began, and on disk as such."""
        return self._store.state.dropped

    @property
    def parked(self) -> int:
        """Messages set aside since the epoch began."""
        return self._store.state.parked

    @property
    def depth(self) -> int:
        """Messages that are neither acknowledged nor dropped."""
        return self._store.state.rows + len(self._waiting) - len(self._settled)

    @property
    def waiting(self) -> int:
        """New messages that `commit` would write."""
        return len(self._waiting)

    @property
    def uncommitted(self) -> int:
        """Changes that `commit` would write: messages, acknowledgements, parkings."""
        return len(self._waiting) + len(self._settled) + len(self._to_park)

    @property
    def crowded(self) -> bool:
        """Whether sources that can wait should let the disk catch up."""
        return self.trouble is None and len(self._waiting) > IN_MEMORY // 2

    def oldest_age_s(self) -> float:
        """How long the oldest committed message has waited; 0 where there is none."""
        return self._store.oldest_age_s()

    def put(self, make: Callable[[str, int], Message]) -> int:
        """Queues what `make(epoch, seq)` returns; `seq` counts messages without a hole."""
        with self._lock:
            message = make(self.epoch, self._next)
            self._next += 1
            self._waiting.append(Row(message, self._store.clock_s(), message.seq))
            while len(self._waiting) > IN_MEMORY:
                self._merge_oldest()
        return message.seq

    def commit(self, in_flight: int = 0) -> None:
        """Writes all that was put, settled and parked since the last, in one transaction.

        Messages up to number `in_flight` have been sent and await their acknowledgement: no limit
        drops them. A disk that cannot be written does not stop the agent: `trouble` has the
        reason, up to `IN_MEMORY` messages wait in memory, and the next commit tries again.
        """
        self._mark_parked()
        try:
            if self.trouble is not None:
                self._forget_delivered()
            left = max(1, len(self._waiting))  # what is put meanwhile is the next commit's
            while left > 0 and self.uncommitted:
                if self.trouble is not None:
                    self._demand_room()
                most = min(left, IN_MEMORY if self.trouble is None else FEW)
                self._write_some(most)
                left -= most
            self._keep_limits(in_flight)
        except DiskError as error:
            self._relieve(error)
        else:
            self._recover()

    def tidy(self) -> None:
        """Does what no message should wait for; called when there is nothing else to do."""
        if self.trouble is None:
            self._store.disk.tidy()

    def after(self, seq: int, limit: int) -> list[Message]:
        """Up to `limit` committed messages behind `seq`, in order."""
        return self._store.after(seq, limit)

    def settle(self, seqs: Iterable[int]) -> None:
        """These were acknowledged; the next `commit` deletes them."""
        self._settled += seqs

    def park(self, seq: int, why: str) -> None:
        """The message cannot be delivered: the next `commit` sets it aside, with the reason."""
        if all(seq != parked for parked, _ in self._to_park):
            log.error("message %d set aside: %s", seq, why)
            self._to_park.append((seq, why))
            if not self._store.is_marker(seq):  # else a refused marker would make another
                self._unmarked.append(seq)

    def parked_messages(self) -> list[ParkedMessage]:
        """Those that are set aside now, by their numbers."""
        return self._store.parked.messages()

    def retry(self, seqs: Sequence[int] = ()) -> list[int]:
        """Puts parked messages back in the queue; without `seqs` all of them.

        Returns their numbers. `DiskError`.
        """
        again = self._parked_among(seqs)
        self._store.retry(again)
        return again

    def drop_parked(self, seqs: Sequence[int]) -> list[int]:
        """Deletes those of `seqs` that are parked; their numbers. `DiskError`."""
        gone = self._parked_among(seqs)
        self._store.drop_parked(gone)
        return gone

    def copy(self, path: Path, alive: Callable[[], None]) -> None:
        """Copies all that is committed to a new file; `sqlite3.Error`, `OSError`."""
        self.commit()
        self._store.disk.copy(path, alive)

    def begin_epoch(self) -> None:
        """Begins a new epoch, in which the numbers go on: see `Store.begin_epoch`."""
        self._store.begin_epoch()
        if self.last_seq:
            self._queue_marker(1, self.last_seq, "restored")

    def close(self) -> None:
        self.commit()
        self._store.close()

    def _parked_among(self, seqs: Sequence[int]) -> list[int]:
        self.commit()
        parked = [item.seq for item in self.parked_messages()]
        return [seq for seq in parked if not seqs or seq in seqs]

    def _mark_parked(self) -> None:
        """Queues a gap marker, with a number of its own, for each run of parked messages.

        A later delivery of a parked number closes the gap, so the marker must not have it.
        """
        unmarked, self._unmarked = self._unmarked, []
        for first, last in runs(unmarked):
            self._queue_marker(first, last, "parked")

    def _queue_marker(self, first: int, last: int, why: str) -> None:
        """Queues a marker with a number of its own, of messages that were not dropped."""
        with self._lock:
            gap = Gap(first, last, last - first + 1, why, self._next)
            self._next += 1
            marker = self._make_gap(self.epoch, gap)
            row = Row(marker, self._store.clock_s(), gap.first, gap.messages, parked=True)
            self._waiting.append(row)

    def _write_some(self, most: int) -> None:
        """One transaction: up to `most` messages, all acknowledgements and parkings."""
        with self._lock:
            rows = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        try:
            self._store.write(rows, self._settled, self._to_park)
        except DiskError:
            with self._lock:
                self._waiting.extendleft(reversed(rows))
            raise
        self._settled, self._to_park = [], []

    def _keep_limits(self, in_flight: int) -> None:
        """Drops the oldest messages that are over a limit."""
        store, limits = self._store, self._limits
        for why, through in (
            ("messages", store.over_rows(limits.messages)),
            ("bytes", store.over_bytes(limits.bytes)),
            ("age", store.over_age(limits.age_s)),
        ):
            gap = store.gap(in_flight, through, why)
            if gap is not None:
                store.drop(in_flight, gap, self._make_gap(self.epoch, gap))
                log.warning("over the limit of %s: %d dropped in all", why, self.dropped)

    def _merge_oldest(self) -> None:
        """Replaces the two oldest messages in memory by one gap marker."""
        first, second = self._waiting.popleft(), self._waiting.popleft()
        lost = max(first.lost, 1) + max(second.lost, 1)
        gap = Gap(first.first, second.message.seq, lost, "disk")
        marker = self._make_gap(self.epoch, gap)
        self._waiting.appendleft(Row(marker, second.put_s, gap.first, lost))

    def _relieve(self, error: DiskError) -> None:
        if self.trouble is None:
            log.error("the outbox cannot be written: %s; messages wait in memory", error)
        self.trouble = str(error)
        with contextlib.suppress(DiskError):
            self._forget_delivered()

    def _forget_delivered(self) -> None:
        """Deletes acknowledged messages on a full disk, in the room of the reserve file.

        The reserve serves deletions only: spent on new messages, nothing could ever be deleted.
        `Store.write` restores it.
        """
        if not (self._settled or self._to_park):
            return
        self._store.disk.free_reserve()
        while self._settled or self._to_park:
            self._store.disk.checkpoint()  # else the log would have to grow
            self._store.write([], self._settled[:FEW], self._to_park)
            self._settled, self._to_park = self._settled[FEW:], []

    def _demand_room(self) -> None:
        self._store.disk.keep_reserve()
        if not self._store.disk.has_room:
            raise DiskError("no room beside what is waiting")

    def _recover(self) -> None:
        if self.trouble is not None:
            log.warning("the outbox can be written again")
            self.trouble = None
