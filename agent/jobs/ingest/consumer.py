"""Messages from the broker into the tables, each acknowledged after the commit that holds it.

Killed at any moment, what was not acknowledged comes again, and a row that is there changes
nothing. While the database is away nothing is acknowledged, so the broker soon sends no more and
keeps the rest: this process never holds more than one receive maximum.
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
GATHER_S = 0.25  # how long the first of them waits for more
ANSWER_S = 6.0  # how long the broker may say nothing before it has let us in
BACKOFF_S = (0.5, 60.0)
WELL_S = 10.0  # a connection that lives so long is no reason to back off any further
DRAINED_S = 5.0  # without a message: the broker has no more for who has left

log = logging.getLogger("drsn.ingest")


class Consumer:
    """Runs until it is told to stop; one that leaves, until the broker has no more for it."""

    def __init__(self, settings: Mqtt, session: Session, tables: Tables) -> None:
        self._settings = settings
        self._session = session
        self._tables = tables
        self._counts = Counts()
        self._broker_backoff = Backoff(*BACKOFF_S)
        self._database_backoff = Backoff(*BACKOFF_S)
        self._away: str | None = None  # why the database takes nothing
        self._write_s = 0.0  # monotonic; not before this
        self._served = False  # the broker has had our subscriptions before

    def run(self, stopped: Callable[[], bool]) -> None:
        """One connection after another."""
        told = ""
        while not stopped():
            began_s = time.monotonic()
            try:
                self._serve(Subscriber(self._settings, self._session), stopped)
                break
            except Lost as lost:
                if str(lost) != told:
                    log.warning("%s:%d: %s", self._settings.host, self._settings.port, lost)
                told = str(lost)
            if time.monotonic() - began_s > WELL_S:
                self._broker_backoff.reset()
                told = ""
            _rest(self._broker_backoff.next_s(), stopped)
        self._tables.close()
        log.info("stopped: %s", self._counts)

    def _serve(self, subscriber: Subscriber, stopped: Callable[[], bool]) -> None:
        """Until we are stopped or have left; `Lost` when the broker is."""
        self._greet(subscriber, stopped)
        empty_s = came_s = time.monotonic()  # when nothing was held; when something came
        while not stopped() and not (self._session.leaving and _drained(subscriber, came_s)):
            before = len(subscriber.held)
            subscriber.work(GATHER_S / 5 if before else GATHER_S)
            now_s = time.monotonic()
            empty_s = empty_s if before else now_s
            came_s = came_s if len(subscriber.held) == before else now_s
            if len(subscriber.held) >= BATCH or (subscriber.held and now_s - empty_s >= GATHER_S):
                self._store(subscriber)
            self._counts.tell(now_s)
        self._write_s = 0.0
        self._store(subscriber)
        subscriber.close()

    def _greet(self, subscriber: Subscriber, stopped: Callable[[], bool]) -> None:
        """Waits for the broker's word on our subscriptions; what it kept for us may come first."""
        heard_s, held = time.monotonic(), 0
        while not subscriber.ready and not stopped():
            subscriber.work(GATHER_S)
            if len(subscriber.held) > held:
                heard_s, held = time.monotonic(), len(subscriber.held)
            if time.monotonic() - heard_s > ANSWER_S and not subscriber.ready:
                subscriber.close()
                raise Lost(f"no answer for {ANSWER_S:g} s")
        if subscriber.unknown:
            subscriber.close()
            raise UserError(f"--leave: not subscribed to {', '.join(subscriber.unknown)}")
        if self._served and not subscriber.resumed:
            log.error("the broker has forgotten us: what it kept for us is lost")
        self._served = True
        if subscriber.ready:
            log.info("%s at %s:%d", self._session, self._settings.host, self._settings.port)

    def _store(self, subscriber: Subscriber) -> None:
        """Commits a batch and only then acknowledges it, or leaves both for later."""
        if not subscriber.held or time.monotonic() < self._write_s:
            return
        batch = [rows.read(each.topic, bytes(each.payload)) for each in subscriber.held[:BATCH]]
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


def _rest(for_s: float, stopped: Callable[[], bool]) -> None:
    until_s = time.monotonic() + for_s
    while not stopped() and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, GATHER_S))
