"""What commands can work on."""

from collections.abc import Callable, Sequence

import msgspec

from agent.control.alarm_requests import AlarmRequests
from agent.control.commissioning.requests import CommissioningRequests
from agent.delivery.journal.journal import Journal
from agent.delivery.sender import Sender
from agent.messages.command import Refused
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.source_pipeline import SourcePipeline

Answer = Callable[..., None]  # answer(why=None, **fields of the result)


class CommandContext(msgspec.Struct, frozen=True):
    """What verbs can work on."""

    pipelines: Sequence[SourcePipeline]  # others after a reload
    clip_writer: ClipWriter | None
    reload: Callable[[Answer], None] | None  # None: there is no file to read again
    began_s: float  # monotonic
    sender: Sender
    commissioning: CommissioningRequests
    alarms: AlarmRequests = msgspec.field(default_factory=AlarmRequests)
    journal: Journal | None = None  # None: the box keeps none

    def pipeline(self, name: str) -> SourcePipeline:
        for pipeline in self.pipelines:
            if pipeline.name == name:
                return pipeline
        raise Refused(f"source: found {ascii(name)[:80]}, expected a source's name")
