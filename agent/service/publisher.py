"""Everything between a scored window and the broker, put together: outbox, sender, sink."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent import __version__
from agent.acquisition.timestamps import WallClock
from agent.config.load import Config
from agent.control.command_handler import CommandHandler
from agent.control.operations import Answer, CommandContext
from agent.core import json_input, state_directory
from agent.core.errors import ConfigError, UserError
from agent.core.types import Gap, Message, Scored, Sink
from agent.delivery.discovery import Discovery
from agent.delivery.disk import DiskError
from agent.delivery.duplicate_client import Listener
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import Sender
from agent.delivery.stdout_sink import StdoutSink
from agent.messages import homeassistant, payloads
from agent.messages.records import Health, SourceInfo
from agent.messages.sparkplug.latest import Latest
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service import health, subscriptions
from agent.service.metrics.snapshot import Snapshot


class _Epoch(msgspec.Struct):
    """What of an `info` tells whose it is."""

    epoch: str


class Publisher:
    """`put` is for the main thread; `sender.run` is the sender thread."""

    def __init__(
        self,
        chosen: Config,
        pipelines: Sequence[SourcePipeline],
        clock: WallClock,
        turn: Callable[[], None],
        clip_writer: ClipWriter | None,
        reload: Callable[[Answer], None] | None = None,
        announced: Listener | None = None,
    ) -> None:
        """`reload` has the configuration read again, for whoever asks for that over MQTT;
        `announced` hears of bundles."""
        self._announced = announced
        self._topics = payloads.Topics(chosen.mqtt.base, chosen.agent.id)
        self._pipelines = pipelines
        self._clock = clock
        self._began_s = time.monotonic()
        self.outbox, self._lock = _open_outbox(chosen, self._gap)
        self._latest = Latest(self.outbox.last_seq)
        self._results = subscriptions.CommandResults(self._topics)
        self._sink = self._open_sink(chosen, clip_writer, reload)
        turns = self._with_board(chosen, turn)
        self.sender = Sender(
            self.outbox,
            self._sink,
            self._health,
            chosen.agent.health_s,
            turns,
            commits_per_s=chosen.outbox.max_commits_per_s,
        )
        self._results.sender = self.sender

    def put(
        self,
        scored: Scored,
        pipeline: SourcePipeline,
        latency_s: float,
        evidence: str | None = None,
    ) -> None:
        """Queues what is published of a scored window; `evidence` is the file that goes with it."""
        asked = time.monotonic() < pipeline.publish_until_s
        for topic in payloads.topics(scored, pipeline.settings.common.publish_windows or asked):
            self._put(topic, scored, pipeline, latency_s, evidence)

    def announce(self) -> None:
        """Says anew which sources there are; each connection begins with that anyway."""
        self._discovery.renew(self._devices())
        for birth in self._births():
            self.sender.send_unqueued(birth)

    def _put(
        self,
        topic: payloads.Topic,
        scored: Scored,
        pipeline: SourcePipeline,
        latency_s: float,
        evidence: str | None,
    ) -> None:
        began_s = pipeline.timeline.unix_s(scored.window.first)

        def make(epoch: str, seq: int) -> Message:
            stamp = payloads.Stamp(epoch, seq, began_s, time.time(), latency_s, evidence)
            return self._latest.note(payloads.observation(topic, scored, pipeline.origin, stamp))

        self.sender.put(make, urgent=topic != "window")

    def _with_board(self, chosen: Config, turn: Callable[[], None]) -> Callable[[], None]:
        """The sender's turn, on which it also leaves a record for those who scrape."""
        if chosen.metrics is None:
            return turn
        from agent.service.metrics import server

        board = Snapshot(self._record)
        server.serve(chosen.metrics, board)

        def turns() -> None:
            turn()
            board.turn()

        return turns

    def _open_sink(
        self,
        chosen: Config,
        clip_writer: ClipWriter | None,
        reload: Callable[[Answer], None] | None,
    ) -> Sink:
        plain = chosen.agent.sink == "mqtt"
        devices = self._devices() if plain and chosen.mqtt.home_assistant else []
        self._discovery = Discovery(Path(chosen.agent.state_dir), devices)
        if chosen.agent.sink == "stdout":
            return StdoutSink()
        if chosen.agent.sink == "sparkplug":
            from agent.delivery import sparkplug_sink

            return sparkplug_sink.edge_node(chosen, self.outbox.epoch, self._sources, self._latest)
        from agent.delivery.duplicate_client import Identity
        from agent.delivery.mqtt_sink import MqttSink

        context = CommandContext(self._pipelines, clip_writer, reload, self._began_s)
        command_handler = CommandHandler(chosen.commands, context, self._results.publish)
        identity = Identity(
            client_id=chosen.mqtt.client_id or f"drsn-{chosen.agent.id}",
            will=lambda: payloads.status(self._topics, payloads.OFFLINE),
            births=self._births,
            topic=self._topics.of("info"),
            is_other=self._is_other,
            listens=subscriptions.listeners(
                chosen, self._topics, self._discovery, command_handler, self._announced
            ),
        )
        return MqttSink(chosen.mqtt, identity)

    def _devices(self) -> list[Message]:
        """Us and our sources, as Home Assistant wants them described."""
        return homeassistant.configs(self._topics, self._sources())

    def _sources(self) -> list[SourceInfo]:
        return [pipeline.info() for pipeline in self._pipelines]

    def _births(self) -> list[Message]:
        epoch, sources = self.outbox.epoch, self._sources()
        return [
            payloads.status(self._topics, payloads.ONLINE),
            payloads.info(self._topics, __version__, epoch, time.time(), sources),
            *self._discovery.messages(),
        ]

    def _is_other(self, info: bytes) -> bool:
        """Whether an `info` of this agent's name comes from another outbox than ours."""
        try:
            return json_input.decode(info, _Epoch).epoch != self.outbox.epoch
        except json_input.JsonError:
            return False

    def _gap(self, epoch: str, lost: Gap) -> Message:
        return payloads.gap(self._topics, epoch, lost, time.time())

    def _health(self) -> Message:
        return health.message(self._topics, self._record())

    def _record(self) -> Health:
        return health.record(
            self._topics.agent,
            self._pipelines,
            self.outbox,
            self._sink,
            self.sender.latencies_s,
            self._began_s,
            self._clock,
        )


def _open_outbox(
    chosen: Config, make_gap: Callable[[str, Gap], Message]
) -> tuple[Outbox, int | None]:
    """The outbox, and the lock that keeps a second agent out of its directory."""
    limits = Limits(
        messages=chosen.outbox.max_messages,
        bytes=round(chosen.outbox.max_mib * 2**20),
        age_s=chosen.outbox.max_age_s,
    )
    if chosen.agent.sink == "stdout":
        return Outbox(None, limits, make_gap), None
    folder = Path(chosen.agent.state_dir)
    lock = state_directory.claim(folder)
    try:
        return Outbox(folder / "outbox.sqlite", limits, make_gap), lock
    except DiskError as error:
        raise UserError(
            f"agent.state_dir: {folder}: the outbox cannot be opened: {error}"
        ) from None
    except OSError as error:
        reason = error.strerror
        raise ConfigError(f"agent.state_dir: {folder} cannot be written: {reason}") from None
