"""Queues what is published of each scored window."""

import time

from agent.config.load import Config
from agent.core.types import Measured, Message, Scored, Window
from agent.delivery.journal import events
from agent.delivery.outbox import Outbox
from agent.delivery.sender import Sender
from agent.messages import payloads
from agent.messages.sparkplug.latest import Latest
from agent.pipeline.source_pipeline import SourcePipeline
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
    ) -> None:
        self.outbox = outbox
        self.sender = sender
        self._announcer = announcer
        self._latest = latest
        self._history = history
        self._machines = machines

    def put(
        self, scored: Scored, pipeline: SourcePipeline, latency_s: float, clip: str | None = None
    ) -> None:
        """Queues the messages about a scored window; `clip` is the file with its signal."""
        on_command = time.monotonic() < pipeline.publish_until_s
        every_window = pipeline.settings.common.publish_windows or on_command
        for topic in payloads.topics(scored, every_window):
            self._put(topic, scored, pipeline, latency_s, clip)
        if scored.event is not None:
            for make in self._machines.see(scored, scored.event, pipeline):
                self.sender.put(make)
        if scored.event is not None and self._history.journal is not None:
            end = scored.window.first + scored.window.samples.shape[1]
            end_s = pipeline.timeline.unix_s(end)
            self._history.journal.add(events.of_change(scored, scored.event, end_s, clip))

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
        at = payloads.MeasuredAt(self.outbox.epoch, end, end_s, now_s)
        pipeline.measurement = payloads.measurement_record(measured, pipeline.origin, at)
        message = payloads.measurement(pipeline.measurement, pipeline.origin.topics)
        self.sender.put_newest(self._latest.note(message))
        if self._history.trends is not None:
            self._history.trends.add(pipeline.measurement)

    def _put(
        self,
        topic: payloads.Topic,
        scored: Scored,
        pipeline: SourcePipeline,
        latency_s: float,
        clip: str | None,
    ) -> None:
        began_s = pipeline.timeline.unix_s(scored.window.first)

        def make(epoch: str, seq: int) -> Message:
            stamp = payloads.Stamp(epoch, seq, began_s, time.time(), latency_s, clip)
            return self._latest.note(payloads.observation(topic, scored, pipeline.origin, stamp))

        self.sender.put(make, urgent=topic != "window")
