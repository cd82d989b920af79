"""The words of notifications. Pure."""

import collections
import datetime
from collections.abc import Iterable, Sequence

import msgspec

from agent.core.time import unix_s
from agent.delivery.journal.events import FALSE_ALARM, JournalEvent
from agent.delivery.notify.pending import Notice, weight

LINES = 20  # of one message
TITLES = {"alarm": "Alarm", "warning": "Warning", "none": "Over"}


class Message(msgspec.Struct, frozen=True):
    """What an address is sent."""

    title: str
    body: str
    kind: str  # of Apprise: info, warning, failure


def of_notices(agent: str, notices: Sequence[Notice], left_out: int) -> Message:
    """One message for all of them, which are at least one."""
    worst = max(notices, key=lambda item: weight(item.alarm)).alarm
    kind = {"alarm": "failure", "warning": "warning"}.get(worst, "success")
    if len(notices) == 1 and not left_out:
        item = notices[0]
        title = f"{TITLES[item.alarm]}: {agent} {item.source}"
        return Message(title, f"{item.sentence}\n{_local(item.t)}", kind)
    counts = collections.Counter(TITLES[item.alarm].lower() for item in notices)
    title = f"{agent}: {', '.join(f'{count} x {name}' for name, count in counts.items())}"
    lines = [f"{_local(item.t)}  {item.source}: {item.sentence}" for item in notices[-LINES:]]
    more = left_out + len(notices) - len(lines)
    return Message(title, "\n".join([*([f"{more} earlier"] if more else []), *lines]), kind)


def of_week(agent: str, events: Iterable[JournalEvent], until: datetime.datetime) -> Message:
    """The summary of a week that ended then; `events` are its alarms, the oldest first."""
    lines = [f"The week until {until:%Y-%m-%d %H:%M}."]
    by_source: dict[str, list[JournalEvent]] = {}
    for event in events:
        by_source.setdefault(event.source, []).append(event)
    lines += [f"{source}: {_summary(rows)}." for source, rows in sorted(by_source.items())]
    if not by_source:
        lines.append("No warning and no alarm.")
    return Message(f"{agent}: summary of the week", "\n".join(lines), "info")


def _summary(events: Sequence[JournalEvent]) -> str:
    raised = _raised(events)
    counts = {
        "alarm(s)": sum(event.alarm == "alarm" for event in raised),
        "warning(s)": sum(event.alarm == "warning" for event in raised),
        "labelled false alarm": sum(event.label == FALSE_ALARM for event in raised),
        "not acknowledged": sum(event.acknowledged_at is None for event in raised),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _raised(events: Sequence[JournalEvent]) -> list[JournalEvent]:
    """Those with which an alarm was raised; an alarm that became a warning was not."""
    raised, before = [], "none"
    for event in events:
        if weight(event.alarm) > weight(before):
            raised.append(event)
        before = event.alarm
    return raised


def _local(t: str) -> str:
    moment = datetime.datetime.fromtimestamp(unix_s(t), datetime.UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"
