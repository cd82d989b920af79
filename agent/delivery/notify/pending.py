"""What one address has not been told yet. Pure: the clock is an argument.

An address follows the journal by the number of the last event that it has taken in. What it is to
be told waits in `Pending.notices` until it was sent, so a mail server that is away, quiet hours and
a restart lose nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from agent.config.notify import Notify
from agent.core.alarms import ALARMS, Alarm
from agent.delivery.journal.events import JournalEvent
from agent.messages.records import Time

MOST = 200  # notices that wait; beyond that the oldest are counted alone
HOUR_S = 3600.0
WEIGHTS: dict[str, int] = {alarm: weight for weight, alarm in enumerate(ALARMS)}
FIRST_RETRY_S, LONGEST_RETRY_S = 30.0, 3600.0


class Notice(msgspec.Struct, frozen=True):
    """One change of an alarm that people are told of."""

    t: Time  # ISO 8601, UTC
    source: str
    alarm: Alarm  # from then on
    sentence: str


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Of one address; times are Unix times in seconds."""

    last_id: int  # of the journal's event that was taken in last
    alarms: dict[str, str] = {}  # by source, after that event
    notices: tuple[Notice, ...] = ()  # the oldest first
    left_out: int = 0  # older ones than those
    sent_s: tuple[float, ...] = ()  # in the last hour
    failures: int = 0  # in a row
    tried_s: float = 0.0  # the last of them
    weekly: str = ""  # the local time of the summary that was sent last


def take(pending: Pending, events: Iterable[JournalEvent], keys: Notify) -> Pending:
    """Takes in the journal's next events, the oldest first."""
    alarms, notices, last_id = dict(pending.alarms), list(pending.notices), pending.last_id
    for event in events:
        last_id = max(last_id, event.id)
        if event.kind != "alarm":
            continue
        before = alarms.get(event.source, "none")
        alarms[event.source] = event.alarm
        if _is_told(before, event.alarm, keys):
            alarm = ALARMS[weight(event.alarm)]
            notices.append(Notice(event.t, event.source, alarm, event.sentence))
    left_out = pending.left_out + max(0, len(notices) - MOST)
    kept = tuple(notices[-MOST:])
    return replace(pending, last_id=last_id, alarms=alarms, notices=kept, left_out=left_out)


def due(pending: Pending, keys: Notify, now_s: float, *, quiet: bool) -> tuple[Notice, ...]:
    """What is to be sent now, in one message; in quiet hours a warning waits."""
    if not may_send(pending, now_s) or len(_recent(pending.sent_s, now_s)) >= keys.per_hour:
        return ()
    return tuple(item for item in pending.notices if item.alarm == "alarm" or not quiet)


def may_send(pending: Pending, now_s: float) -> bool:
    """Whether enough time has passed since a failure; a clock that was set back waits for none."""
    if not pending.failures:
        return True
    wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(pending.failures - 1, 20))
    return not 0 <= now_s - pending.tried_s < wait_s


def sent(pending: Pending, notices: Sequence[Notice], now_s: float) -> Pending:
    """These were delivered."""
    rest = tuple(item for item in pending.notices if item not in notices)
    times_s = (*_recent(pending.sent_s, now_s), now_s)
    return replace(pending, notices=rest, left_out=0, sent_s=times_s, failures=0)


def failed(pending: Pending, now_s: float) -> Pending:
    return replace(pending, failures=pending.failures + 1, tried_s=now_s)


def weight(alarm: str) -> int:
    """0 for none and for a word that is not known."""
    return WEIGHTS.get(alarm, 0)


def _is_told(before: str, after: str, keys: Notify) -> bool:
    """A rise to what `least` asks for, and the end where `ended` asks for it."""
    if after not in ALARMS:
        return False
    if after == "none":
        return keys.ended and weight(before) >= weight(keys.least)
    return weight(after) > weight(before) and weight(after) >= weight(keys.least)


def _recent(times_s: Iterable[float], now_s: float) -> tuple[float, ...]:
    return tuple(time_s for time_s in times_s if 0 <= now_s - time_s < HOUR_S)
