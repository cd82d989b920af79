"""The verbs of commands.

A new verb is a function, its arguments, its line in `VERBS` and its name in
`agent.config.commands`. Verbs run in the sender thread and must be quick; what takes time answers
later.
"""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec

from agent import __version__
from agent.control import alarm_operations
from agent.control.alarm_operations import AcknowledgeKeys, CommentKeys, LabelKeys, MaintenanceKeys
from agent.control.command_context import Answer, CommandContext
from agent.control.commissioning.requests import CommissionRequest
from agent.core.annotated import RowId
from agent.core.time import iso
from agent.delivery.disk import DiskError
from agent.messages.command import Refused
from agent.messages.records import ParkedMessage
from agent.pipeline import clip as clips
from agent.pipeline.fault_clips import FOLDER

SHOWN = 20  # parked messages, the newest, in one result


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


class Windows(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)]  # 0: no longer
    source: str | None = None  # None: all


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    seconds: Annotated[float, msgspec.Meta(gt=0, le=300)]


class Outbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    action: Literal["show", "retry", "drop"]
    seqs: Annotated[tuple[RowId, ...], msgspec.Meta(max_length=100)] = ()  # of parked messages


def ping(context: CommandContext, _arguments: NoArguments, answer: Answer) -> None:
    """Answers with the uptime and the version."""
    answer(uptime_s=round(time.monotonic() - context.began_s, 1), version=__version__)


def publish_windows(context: CommandContext, arguments: Windows, answer: Answer) -> None:
    """Publishes every window for some seconds, as `publish_windows: true` does."""
    source = arguments.source
    pipelines = list(context.pipelines) if source is None else [context.pipeline(source)]
    for pipeline in pipelines:
        pipeline.publish_until_s = time.monotonic() + arguments.seconds
    answer(until=iso(time.time() + arguments.seconds))


def capture(context: CommandContext, arguments: Capture, answer: Answer) -> None:
    """Writes the last seconds of a source to a clip, as far as the ring still has them."""
    pipeline = context.pipeline(arguments.source)
    if context.clip_writer is None:
        raise Refused("found no section evidence in the configuration, which capture needs")
    rate_hz, end = pipeline.origin.contract.rate_hz, pipeline.ring.end
    first = max(pipeline.ring.start, end - round(arguments.seconds * rate_hz))
    if first >= end:
        raise Refused("the source has no samples yet")
    name = clips.file_name(
        pipeline.name, iso(pipeline.timeline.unix_s(end)), "command", context.clip_writer.suffix
    )
    clip = clips.cut(pipeline, first, end, name)
    seconds = round((end - first) / rate_hz, 3)
    fields = {"file": f"{FOLDER}/{name}", "seconds": seconds}
    context.clip_writer.keep(clip, lambda why: answer(why) if why else answer(**fields))


def reload(context: CommandContext, _arguments: NoArguments, answer: Answer) -> None:
    """Reads the configuration again, as SIGHUP does."""
    if context.reload is None:
        raise Refused("found no configuration file to read again")
    context.reload(answer)


def outbox(context: CommandContext, arguments: Outbox, answer: Answer) -> None:
    """Shows the messages that are set aside, sends them again, or drops them."""
    parked, seqs = context.sender.parked, arguments.seqs
    if arguments.action == "drop" and not seqs:
        raise Refused("arguments: seqs: expected the numbers of the messages to drop")
    try:
        if arguments.action == "retry":
            answer(messages=context.sender.retry_parked(seqs))
        elif arguments.action == "drop":
            answer(messages=len(parked.drop_parked(seqs)))
        else:
            _show(parked.parked_messages(), seqs, answer)
    except DiskError as error:
        raise Refused(f"the outbox cannot be written: {error}") from None


def _show(parked: Sequence[Any], seqs: Sequence[int], answer: Answer) -> None:
    asked = [item for item in parked if not seqs or item.seq in seqs]
    shown = [
        ParkedMessage(seq=item.seq, topic=item.topic, bytes=item.bytes, why=item.why)
        for item in asked[-SHOWN:]
    ]
    answer(messages=len(asked), parked=tuple(shown))


def commission(context: CommandContext, arguments: CommissionRequest, answer: Answer) -> None:
    """Starts, stops, cancels or shows the learning of a source's baseline from its own windows."""
    context.commissioning.add(arguments, answer)


class Verb(msgspec.Struct, frozen=True):
    arguments: type[msgspec.Struct]
    run: Callable[[CommandContext, Any, Answer], None]


VERBS = {
    "ping": Verb(NoArguments, ping),
    "publish_windows": Verb(Windows, publish_windows),
    "capture": Verb(Capture, capture),
    "reload": Verb(NoArguments, reload),
    "outbox": Verb(Outbox, outbox),
    "commission": Verb(CommissionRequest, commission),
    "acknowledge": Verb(AcknowledgeKeys, alarm_operations.acknowledge),
    "comment": Verb(CommentKeys, alarm_operations.comment),
    "label": Verb(LabelKeys, alarm_operations.label),
    "maintenance": Verb(MaintenanceKeys, alarm_operations.maintenance),
}
