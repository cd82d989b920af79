"""Queues what is published of each scored window."""

import time

import msgspec

from agent.config.load import Config
from agent.control.command_context import CommandContext
from agent.core.types import Measured, Message, Scored, Window
from agent.delivery.journal import events
from agent.delivery.outbox import Outbox
from agent.delivery.sender import Sender
from agent.messages import payloads
from agent.messages.sparkplug.latest import Latest
from agent.pipeline.source_pipeline import Publication, SourcePipeline
from agent.service.announcer import Announcer
from agent.service.history import History
from agent.service.machines import MachineStates


class Publisher:
    """`put` and `announce` are for the main thread; `sender.run` is the sender thread."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        announcer: Announcer,
        latest: Latest,
        history: History,
        machines: MachineStates,
        context: CommandContext,
    ) -> None:
        """`context` is the agent as commands and the page see it."""
        self.context = context
        self.outbox = outbox
        self.sender = sender
        self._announcer = announcer
        self._latest = latest
        self._history = history
        self._machines = machines
        self.journal = history.journal

    def put(
        self, scored: Scored, pipeline: SourcePipeline, latency_s: float, clip: str | None = None
    ) -> None:
        """Queues the messages about a scored window; `clip` is the file with its signal."""
        on_command = time.monotonic() < pipeline.publish_until_s
        every_window = pipeline.settings.common.publish_windows or on_command
        topics = payloads.topics(scored, every_window)
        if not topics:
            return
        began_s = pipeline.timeline.unix_s(scored.window.first)
        event_id = self._take_down(scored, pipeline, clip)
        publication = Publication(scored, latency_s, began_s, clip, event_id, pipeline.standing)
        for topic in topics:
            self._put(topic, publication, pipeline)
        if scored.event is not None:
            pipeline.stated = publication
            for make in self._machines.see(scored, scored.event, pipeline):
                self.sender.put(make)

    def restate(self, pipeline: SourcePipeline) -> None:
        """Queues the state once more where the source's alarm or maintenance has changed since."""
        stated, standing = pipeline.stated, pipeline.standing
        if stated is not None and stated.standing != standing:
            pipeline.stated = msgspec.structs.replace(stated, standing=standing)
            self._put("state", pipeline.stated, pipeline)
            for make in self._machines.see_alarm(pipeline):
                self.sender.put(make)

    def measure(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Measures a source where it is time for that, and queues the message about it."""
        measured = None if scored.measure is None else scored.measure()
        if measured is not None:
            self._put_measured(measured, scored.window, pipeline)

    def announce(self, config: Config | None = None) -> None:
        """Publishes which sources and machines there are; new connections begin with that anyway.

        The states of machines that `config` changes follow; None: it is the same.
        """
        changed = [] if config is None else list(self._machines.renew(config))
        self._announcer.renew_devices()
        for birth in self._announcer.births():
            self.sender.send_unqueued(birth)
        for make in changed:
            self.sender.put(make)

    def close(self) -> None:
        """Writes what the history still holds; once the sender thread has ended."""
        self._history.close()

    def _put_measured(self, measured: Measured, window: Window, pipeline: SourcePipeline) -> None:
        end = window.first + window.samples.shape[1]
        now_s, end_s = time.time(), pipeline.timeline.unix_s(end)
        at = payloads.MeasuredAt(self.outbox.epoch, end, end_s, now_s, pipeline.standing.alarm)
        pipeline.measurement = payloads.measurement_record(measured, pipeline.origin, at)
        message = payloads.measurement(pipeline.measurement, pipeline.origin.topics)
        self.sender.put_newest(self._latest.note(message))
        if self._history.trends is not None:
            self._history.trends.add(pipeline.measurement)

    def _take_down(self, scored: Scored, pipeline: SourcePipeline, clip: str | None) -> int | None:
        """The number in the journal of a change of state."""
        if scored.event is None or self.journal is None:
            return None
        end_s = pipeline.timeline.unix_s(scored.window.first + scored.window.samples.shape[1])
        alarm = pipeline.standing.alarm
        return self.journal.add(events.of_change(scored, scored.event, end_s, clip, alarm)).id

    def _put(
        self, topic: payloads.Topic, publication: Publication, pipeline: SourcePipeline
    ) -> None:
        def make(epoch: str, seq: int) -> Message:
            stamp = payloads.Stamp(
                epoch,
                seq,
                publication.began_s,
                time.time(),
                publication.latency_s,
                publication.clip,
                publication.standing,
                publication.event_id,
            )
            message = payloads.observation(topic, publication.scored, pipeline.origin, stamp)
            return self._latest.note(message)

        self.sender.put(make, urgent=topic != "window")
