"""Stores messages from the broker in the tables; acknowledges each after its row is committed.

When this process is killed, the broker repeats every message that was not acknowledged, and a row
that is in its table already changes nothing. While the database is away nothing is acknowledged:
the broker stops sending and keeps the rest, so this process never holds more messages than its
receive maximum.
"""

import logging
import time
from collections.abc import Callable

from agent.core.backoff import Backoff
from agent.core.errors import UserError
from agent.jobs.ingest import rows
from agent.jobs.ingest.counts import Counts
from agent.jobs.ingest.subscriber import Lost, Session, Subscriber
from agent.jobs.ingest.tables import Away, Tables
from agent.mqtt.settings import Mqtt

BATCH = 1000  # messages in one transaction
GATHER_S = 0.25  # how long the first message of a batch waits for others
ANSWER_S = 6.0  # how long the broker may be silent before it has accepted the connection
BACKOFF_S = (0.5, 60.0)
STABLE_S = 10.0  # a connection that lives so long resets the back-off
DRAINED_S = 5.0  # without a message after unsubscribing: the broker has no more

log = logging.getLogger("drsn.ingest")


class Consumer:
    """Runs until it is stopped, or with `--leave` until the broker has no more messages for it."""

    def __init__(self, settings: Mqtt, session: Session, tables: Tables) -> None:
        self._settings = settings
        self._session = session
        self._tables = tables
        self._counts = Counts()
        self._broker_backoff = Backoff(BACKOFF_S[0], settings.reconnect_max_s)
        self._database_backoff = Backoff(*BACKOFF_S)
        self._away: str | None = None  # why the database is away
        self._write_s = 0.0  # monotonic; no attempt before this time
        self._served = False  # the broker has accepted the subscriptions before

    def run(self, stopped: Callable[[], bool]) -> None:
        """Makes one connection after another."""
        logged = ""
        while not stopped():
            began_s = time.monotonic()
            try:
                self._serve(Subscriber(self._settings, self._session), stopped)
                break
            except Lost as lost:
                if str(lost) != logged:
                    log.warning("%s:%d: %s", self._settings.host, self._settings.port, lost)
                logged = str(lost)
            if time.monotonic() - began_s > STABLE_S:
                self._broker_backoff.reset()
                logged = ""
            _sleep(self._broker_backoff.next_s(), stopped)
        self._tables.close()
        log.info("stopped: %s", self._counts)

    def _serve(self, subscriber: Subscriber, stopped: Callable[[], bool]) -> None:
        """Runs one connection until it is stopped or drained; `Lost` when the broker is lost."""
        self._subscribe(subscriber, stopped)
        empty_s = came_s = time.monotonic()  # nothing was held; a message arrived
        while not stopped() and not (self._session.leaving and _drained(subscriber, came_s)):
            before = len(subscriber.held)
            subscriber.work(GATHER_S / 5 if before else GATHER_S)
            now_s = time.monotonic()
            empty_s = empty_s if before else now_s
            came_s = came_s if len(subscriber.held) == before else now_s
            if (
                len(subscriber.held) >= BATCH
                or subscriber.full
                or (subscriber.held and now_s - empty_s >= GATHER_S)
            ):
                self._store(subscriber)
            self._counts.log(now_s)
        self._write_s = 0.0
        self._store(subscriber)
        subscriber.close()

    def _subscribe(self, subscriber: Subscriber, stopped: Callable[[], bool]) -> None:
        """Waits until the broker has accepted the subscriptions; stored messages may come first."""
        active_s, held = time.monotonic(), 0
        while not subscriber.ready and not stopped():
            subscriber.work(GATHER_S)
            if len(subscriber.held) > held:
                active_s, held = time.monotonic(), len(subscriber.held)
            if time.monotonic() - active_s > ANSWER_S and not subscriber.ready:
                subscriber.close()
                raise Lost(f"no answer for {ANSWER_S:g} s")
        if subscriber.unknown:
            subscriber.close()
            raise UserError(f"--leave: not subscribed to {', '.join(subscriber.unknown)}")
        if self._served and not subscriber.resumed:
            log.error("the broker has lost our session: the messages it kept for us are lost")
        self._served = True
        if subscriber.ready:
            log.info("%s at %s:%d", self._session, self._settings.host, self._settings.port)

    def _store(self, subscriber: Subscriber) -> None:
        """Commits a batch and then acknowledges it; does neither while the database is away."""
        if not subscriber.held or time.monotonic() < self._write_s:
            return
        batch = [
            rows.read(message.topic, bytes(message.payload)) for message in subscriber.held[:BATCH]
        ]
        try:
            written = self._tables.write(batch)
        except Away as away:
            if str(away) != self._away:
                log.warning("the database is away: %s; messages stay at the broker", away)
            self._away = str(away)
            self._write_s = time.monotonic() + self._database_backoff.next_s()
            return
        if self._away is not None:
            log.warning("the database is back")
        self._away = None
        self._database_backoff.reset()
        self._counts.add(written)
        subscriber.acknowledge(len(batch))


def _drained(subscriber: Subscriber, came_s: float) -> bool:
    return not subscriber.held and time.monotonic() - came_s > DRAINED_S


def _sleep(for_s: float, stopped: Callable[[], bool]) -> None:
    until_s = time.monotonic() + for_s
    while not stopped() and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, GATHER_S))
