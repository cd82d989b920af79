"""The thread `notifier`: follows the journal and tells every address what it does not know yet.

The journal on the disk is the queue. `notifications.json` in the state directory, which this thread
owns, has what each address has been told: after a power cut a message may come twice, and none is
lost. The journal's file is read beside its owner, so nothing here delays a window.
"""

import datetime
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from agent.config.notify import Notify, is_quiet, last_weekly
from agent.core import files, json_input
from agent.core.errors import ConditionError
from agent.core.time import iso, unix_s
from agent.delivery.journal import reading
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.reading import Selection
from agent.delivery.notify import pending, texts
from agent.delivery.notify.pending import Pending
from agent.delivery.notify.texts import Message

FILE = "notifications.json"  # in the state directory
POLL_S = 2.0
MOST_EVENTS = 1000  # of the journal at once
WEEK = datetime.timedelta(days=7)
MAX_BYTES = 8 << 20  # of the file

States = dict[str, Pending]  # by the key of an address

log = logging.getLogger("drsn.notify")


class Addressee(Protocol):
    """Who is told. `send` may take a minute."""

    key: str
    name: str

    def send(self, message: Message) -> str | None:
        """Why it was not delivered, in one line; None: it was."""


class Notifier:
    """`run` is the thread's; `finish` is for any."""

    def __init__(
        self,
        keys: Notify,
        agent: str,
        folder: Path,
        journal: Path,
        addressees: Sequence[Addressee],
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        """`folder` has the state; `agent` is the id that messages begin with."""
        self._keys = keys
        self._agent = agent
        self._file = folder / FILE
        self._journal = journal
        self._addressees = addressees
        self._clock_s = clock_s
        self._finished = threading.Event()
        saved, keys_now = _load(self._file), {addressee.key for addressee in addressees}
        self._states = {key: state for key, state in saved.items() if key in keys_now}

    def run(self) -> None:
        while not self._finished.wait(POLL_S):
            self.turn()

    def finish(self) -> None:
        """Ends the thread after the message that it is about to send."""
        self._finished.set()

    def turn(self) -> None:
        """Takes in the journal's news and sends what is due."""
        before, newest = dict(self._states), _last_id(self._journal)
        if newest is not None:
            for addressee in self._addressees:
                self._take(addressee.key, newest)
        self._save(before)
        for addressee in self._addressees:
            if not self._finished.is_set():
                self._send_notices(addressee)
                self._send_summary(addressee)

    def _take(self, key: str, newest: int) -> None:
        """Takes in the journal's events up to `newest`."""
        state = self._states.get(key)
        if state is None:  # a new address is not told what was before it
            self._states[key] = Pending(last_id=newest, weekly=self._weekly())
            return
        if newest < state.last_id:  # the journal has begun anew
            state = replace(state, last_id=0)
        if newest > state.last_id:
            selection = Selection(after_id=state.last_id, oldest=True, most=MOST_EVENTS)
            state = pending.take(state, _read(self._journal, selection), self._keys)
        self._states[key] = state

    def _send_notices(self, addressee: Addressee) -> None:
        state, now_s = self._states[addressee.key], self._clock_s()
        quiet = is_quiet(self._keys.quiet, self._now())
        notices = pending.due(state, self._keys, now_s, quiet=quiet)
        if notices:
            message = texts.of_notices(self._agent, notices, state.left_out)
            if self._delivered(addressee, message):
                self._put(addressee, pending.sent(state, notices, now_s))

    def _send_summary(self, addressee: Addressee) -> None:
        state, weekly = self._states[addressee.key], self._weekly()
        if state.weekly > (self._now() + WEEK).isoformat():  # the clock was far ahead then
            self._put(addressee, replace(state, weekly=weekly))
            return
        if weekly <= state.weekly or not pending.may_send(state, self._clock_s()):
            return
        until = datetime.datetime.fromisoformat(weekly)
        since, end = (iso(moment.timestamp()) for moment in (until - WEEK, until))
        selection = Selection(kinds=("alarm",), since=since, until=end, most=MOST_EVENTS)
        events = _read(self._journal, selection)[::-1]
        if self._delivered(addressee, texts.of_week(self._agent, events, until)):
            self._put(addressee, replace(self._states[addressee.key], weekly=weekly))

    def _delivered(self, addressee: Addressee, message: Message) -> bool:
        state = self._states[addressee.key]
        why = addressee.send(message)
        if why is None:
            if state.failures:
                log.info("%s: delivered again", addressee.name)
            self._states[addressee.key] = replace(state, failures=0)
            return True
        if not state.failures:
            log.warning("%s: not delivered: %s; it is tried again", addressee.name, why)
        self._put(addressee, pending.failed(state, self._clock_s()))
        return False

    def _put(self, addressee: Addressee, state: Pending) -> None:
        before = dict(self._states)
        self._states[addressee.key] = state
        self._save(before)

    def _save(self, before: States) -> None:
        """Writes what has changed; where the disk takes nothing, a message may come twice."""
        if self._states == before:
            return
        try:
            files.write(self._file, msgspec.json.encode(self._states), 0o600)
        except OSError as error:
            log.error("%s cannot be written: %s", self._file.name, error.strerror)

    def _weekly(self) -> str:
        """The local time at which the last summary was due; empty: there is none."""
        if self._keys.weekly is None:
            return ""
        return last_weekly(self._keys.weekly, self._now()).isoformat()

    def _now(self) -> datetime.datetime:
        """The local time, without its zone."""
        moment = datetime.datetime.fromtimestamp(self._clock_s(), datetime.UTC)
        return moment.astimezone().replace(tzinfo=None)


def _load(file: Path) -> States:
    """What was saved; where it cannot be read, it is set aside and every address begins anew."""
    try:
        states = json_input.decode(files.read(file, MAX_BYTES), States, max_bytes=MAX_BYTES)
        for notice in (notice for state in states.values() for notice in state.notices):
            unix_s(notice.t)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.error("%s cannot be read (%s): %s", file.name, error, files.set_aside(file))
        return {}
    return states


def _last_id(journal: Path) -> int | None:
    """0: there is no journal yet; None: it cannot be read now."""
    try:
        return reading.last_id(journal)
    except ConditionError:
        return None if journal.exists() else 0


def _read(journal: Path, selection: Selection) -> list[JournalEvent]:
    """In the order of the selection; none where the journal cannot be read now."""
    try:
        return reading.read(journal, selection)
    except ConditionError:
        return []
