"""The verbs of alarms: acknowledge, comment, label and maintenance.

Comments and labels are of an event of a source: the one that is named, or the newest that a person
may judge.
"""

import datetime
import time
from typing import Annotated

import msgspec

from agent.control.alarm_requests import Acknowledge, Maintain
from agent.control.command_context import Answer, CommandContext
from agent.core.annotated import RowId
from agent.core.errors import ConditionError
from agent.delivery.journal import reading
from agent.delivery.journal.events import Annotation, JournalEvent, Label, Line
from agent.delivery.journal.journal import Journal
from agent.delivery.journal.reading import Selection
from agent.messages.command import Refused

MAX_AHEAD_S = 366 * 86400.0  # of a maintenance's end
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class AcknowledgeKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    by: Label | None = None  # who


class CommentKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    text: Line
    event_id: RowId | None = None  # None: the newest that a person may judge


class LabelKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    label: Label  # what it really was, e.g. false_alarm
    event_id: RowId | None = None


class MaintenanceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    on: bool
    until: Moment | None = None  # None: when somebody ends it
    by: Label | None = None


def acknowledge(context: CommandContext, arguments: AcknowledgeKeys, answer: Answer) -> None:
    """Somebody has seen the source's alarm."""
    context.pipeline(arguments.source)
    context.alarms.add(Acknowledge(source=arguments.source, by=arguments.by), answer)


def maintenance(context: CommandContext, arguments: MaintenanceKeys, answer: Answer) -> None:
    """People begin or end to work on the source's machine."""
    context.pipeline(arguments.source)
    until_s = None if arguments.until is None else arguments.until.timestamp()
    if until_s is not None and not arguments.on:
        raise Refused("arguments: until: found a time, expected none where `on` is false")
    if until_s is not None and not 0 < until_s - time.time() <= MAX_AHEAD_S:
        raise Refused("arguments: until: expected a time to come, at most 366 days ahead")
    request = Maintain(source=arguments.source, on=arguments.on, until_s=until_s, by=arguments.by)
    context.alarms.add(request, answer)


def comment(context: CommandContext, arguments: CommentKeys, answer: Answer) -> None:
    """Keeps a line of text with an event, in the place of an earlier one."""
    journal = _journal(context)
    event = _event(journal, arguments.source, arguments.event_id)
    journal.put(Annotation(id=event.id, comment=arguments.text))
    answer(event_id=event.id)


def label(context: CommandContext, arguments: LabelKeys, answer: Answer) -> None:
    """Keeps what an event really was, in the place of an earlier label."""
    journal = _journal(context)
    event = _event(journal, arguments.source, arguments.event_id)
    journal.put(Annotation(id=event.id, label=arguments.label))
    answer(event_id=event.id)


def _journal(context: CommandContext) -> Journal:
    if context.journal is None:
        raise Refused("the sink stdout keeps no journal")
    return context.journal


def _event(journal: Journal, source: str, number: int | None) -> JournalEvent:
    """In the sender thread, which owns the journal; `Refused` where there is none."""
    journal.turn()
    selection = Selection(source=source, id=number, judgeable=number is None, most=1)
    try:
        events = reading.read(journal.path, selection)
    except ConditionError as error:
        raise Refused(str(error)) from None
    if events:
        return events[0]
    if number is None:
        raise Refused(f"{ascii(source)[:80]} has no alarm and no fault that could be meant")
    raise Refused(f"event_id: found {number}, expected the number of an event of the source")
