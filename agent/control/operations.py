"""What each verb does. A new one is a function, its arguments and its line in `VERBS`, and its name
in `agent.config.commands`.

They run in the sender thread and must be quick; what takes time answers later.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from agent import __version__
from agent.messages import payloads
from agent.messages.command import Refused
from agent.pipeline import clip as clips
from agent.pipeline.clip_writer import Recorder
from agent.pipeline.fault_clips import FOLDER
from agent.pipeline.source_pipeline import Lane

Answer = Callable[..., None]  # answer(why=None, **fields of the result)


@dataclass(frozen=True)
class Reach:
    """What verbs can get at."""

    lanes: Sequence[Lane]  # which change when the configuration is read again
    recorder: Recorder | None
    reload: Callable[[Answer], None] | None  # None: there is no file to read again
    began_s: float  # monotonic

    def lane(self, name: str) -> Lane:
        for lane in self.lanes:
            if lane.name == name:
                return lane
        raise Refused(f"source: found {ascii(name)[:80]}, expected a source's name")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


class Windows(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)]  # 0: no longer
    source: str | None = None  # None: all


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    seconds: Annotated[float, msgspec.Meta(gt=0, le=300)]


def ping(reach: Reach, _arguments: Nothing, answer: Answer) -> None:
    """Says that it is there, and for how long."""
    answer(uptime_s=round(time.monotonic() - reach.began_s, 1), version=__version__)


def publish_windows(reach: Reach, arguments: Windows, answer: Answer) -> None:
    """Publishes every window for so many seconds, as `publish_windows: true` would."""
    source = arguments.source
    lanes = list(reach.lanes) if source is None else [reach.lane(source)]
    for lane in lanes:
        lane.publish_until_s = time.monotonic() + arguments.seconds
    answer(until=payloads.iso(time.time() + arguments.seconds))


def capture(reach: Reach, arguments: Capture, answer: Answer) -> None:
    """Keeps the last seconds of a source, as far as the ring still has them."""
    lane = reach.lane(arguments.source)
    if reach.recorder is None:
        raise Refused("nothing is recorded here")
    rate_hz, end = lane.origin.contract.rate_hz, lane.ring.end
    first = max(lane.ring.start, end - round(arguments.seconds * rate_hz))
    if first >= end:
        raise Refused("the source has given nothing yet")
    name = clips.name(lane.name, payloads.iso(lane.timeline.unix_s(end)), "command")
    clip = clips.cut(lane, first, end, name)
    seconds = round((end - first) / rate_hz, 3)
    kept = {"file": f"{FOLDER}/{name}", "seconds": seconds}
    reach.recorder.keep(clip, lambda why: answer(why) if why else answer(**kept))


def reload(reach: Reach, _arguments: Nothing, answer: Answer) -> None:
    """Has the configuration read again, as SIGHUP does."""
    if reach.reload is None:
        raise Refused("there is no configuration file here")
    reach.reload(answer)


@dataclass(frozen=True)
class Verb:
    arguments: type[msgspec.Struct]
    run: Callable[[Reach, Any, Answer], None]


VERBS = {
    "ping": Verb(Nothing, ping),
    "publish_windows": Verb(Windows, publish_windows),
    "capture": Verb(Capture, capture),
    "reload": Verb(Nothing, reload),
}
