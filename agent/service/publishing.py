"""Puts together what lies between a scored window and the broker: outbox, sink and sender."""

import collections
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent.acquisition.timestamps import WallClock
from agent.config.agent import OUTBOX, SHORT_ID
from agent.config.load import Config
from agent.control.alarm_requests import AlarmRequests
from agent.control.command_context import CommandContext
from agent.control.command_handler import CommandHandler
from agent.control.commissioning.requests import CommissioningRequests
from agent.control.local_commands import LocalCommands
from agent.control.rollout.requests import UpdateQueue
from agent.core import state_directory
from agent.core.errors import ConditionError
from agent.core.types import Gap, Message, Sink
from agent.delivery.discovery import Discovery
from agent.delivery.disk import DiskError
from agent.delivery.duplicate_client import Identity, Listener
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.outbox_copy import OutboxCopier
from agent.delivery.sender import LATENCIES, Sender
from agent.delivery.stdout_sink import StdoutSink
from agent.messages import homeassistant, payloads
from agent.messages.sparkplug.latest import Latest
from agent.mqtt.negotiation import Negotiation
from agent.pipeline.clip_writer import ClipWriter
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service import subscriptions
from agent.service.announcer import Announcer
from agent.service.health import HealthReporter
from agent.service.history import History, open_history
from agent.service.machines import MachineStates
from agent.service.publisher import Publisher
from agent.service.reload_requests import ReloadRequests
from agent.service.watchdog import Watchdog


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the daemon that publishing reads from or reports to."""

    pipelines: Sequence[SourcePipeline]
    clock: WallClock
    watchdog: Watchdog
    clip_writer: ClipWriter | None  # None: no clips are kept
    updates: UpdateQueue
    reload_requests: ReloadRequests | None  # None: there is no configuration file to read again
    alarms: AlarmRequests = msgspec.field(default_factory=AlarmRequests)
    commissioning: CommissioningRequests = msgspec.field(default_factory=CommissioningRequests)


def open_publisher(config: Config, surroundings: Surroundings) -> Publisher:
    """Opens the outbox and connects its parts; nothing is sent before the sender thread runs.

    `UserError` where the state directory, a port or a package is not available.
    """
    topics = payloads.Topics(config.mqtt.base, config.agent.id)
    outbox = open_outbox(config, topics)
    latest = Latest(outbox.last_seq)
    machines = MachineStates(config)
    announcer = _announcer(config, topics, outbox, surroundings.pipelines, machines)
    listeners: dict[str, Listener] = {}  # filled below: command results go through the sender
    sink = _open_sink(config, announcer, latest, listeners)
    health = _health(topics, surroundings, machines, outbox, sink)
    history = open_history(config)
    copier = OutboxCopier(outbox, Path(config.agent.state_dir), surroundings.watchdog.sender_turns)
    turns = _turns(config, copier, surroundings.watchdog, health, history)
    sender = Sender(
        outbox,
        sink,
        health.message,
        config.agent.health_s,
        functools.partial(_turn, turns),
        commits_per_s=config.outbox.max_commits_per_s,
        latencies_s=health.acknowledged_s,
    )
    results = subscriptions.CommandResults(topics, sender)
    context = _command_context(surroundings, health.began_s, sender, history)
    if config.agent.sink != "stdout":
        turns.append(LocalCommands(Path(config.agent.state_dir), context).turn)
    commands = CommandHandler(config.commands, context, results.publish)
    listeners |= subscriptions.listeners(config, announcer, sender, commands, surroundings.updates)
    return Publisher(outbox, sender, announcer, latest, history, machines, context)


def _health(
    topics: payloads.Topics,
    surroundings: Surroundings,
    machines: MachineStates,
    outbox: Outbox,
    sink: Sink,
) -> HealthReporter:
    return HealthReporter(
        topics=topics,
        pipelines=surroundings.pipelines,
        machines=machines,
        outbox=outbox,
        sink=sink,
        acknowledged_s=collections.deque(maxlen=LATENCIES),
        clock=surroundings.clock,
        began_s=time.monotonic(),
    )


def _announcer(
    config: Config,
    topics: payloads.Topics,
    outbox: Outbox,
    pipelines: Sequence[SourcePipeline],
    machines: MachineStates,
) -> Announcer:
    used = config.agent.sink == "mqtt" and config.mqtt.home_assistant
    sources = [pipeline.info() for pipeline in pipelines]
    verbs = config.commands.allow
    devices = homeassistant.configs(topics, sources, verbs, machines.infos) if used else []
    return Announcer(
        topics=topics,
        epoch=outbox.epoch,
        pipelines=pipelines,
        machines=machines,
        discovery=Discovery(Path(config.agent.state_dir), devices),
        verbs=verbs,
        negotiation=Negotiation(config.mqtt),
    )


def _open_sink(
    config: Config, announcer: Announcer, latest: Latest, listeners: dict[str, Listener]
) -> Sink:
    """The sink that `agent.sink` names; the code of the others is not loaded."""
    if config.agent.sink == "stdout":
        return StdoutSink()
    if config.agent.sink == "sparkplug":
        from agent.delivery import sparkplug_sink

        machines = announcer.machines
        return sparkplug_sink.edge_node(
            config, announcer.epoch, announcer.sources, latest, lambda: machines.infos
        )
    from agent.delivery.mqtt_sink import MqttSink

    identity = Identity(
        client_id=config.mqtt.client_id or f"drsn-{config.agent.id}",
        will=announcer.will,
        births=announcer.births,
        topic=announcer.topics.of("info"),
        is_other=announcer.is_other,
        listens=listeners,
    )
    return MqttSink(config.mqtt, identity, announcer.negotiation)


def _turns(
    config: Config,
    copier: OutboxCopier,
    watchdog: Watchdog,
    health: HealthReporter,
    history: History,
) -> list[Callable[[], None]]:
    """What the sender calls on each turn: the watchdog; history and metrics where configured."""
    turns = [watchdog.sender_turns, history.turn]
    if config.agent.sink != "stdout":
        turns.append(copier.turn)
    if config.metrics is not None:
        from agent.service.metrics import server
        from agent.service.metrics.snapshot import Snapshot

        snapshot = Snapshot(health.record, health.measurements)
        server.serve(config.metrics, snapshot)
        turns.append(snapshot.turn)
    return turns


def _turn(turns: Sequence[Callable[[], None]]) -> None:
    for turn in turns:
        turn()


def _command_context(
    surroundings: Surroundings, began_s: float, sender: Sender, history: History
) -> CommandContext:
    requests = surroundings.reload_requests
    return CommandContext(
        pipelines=surroundings.pipelines,
        clip_writer=surroundings.clip_writer,
        reload=None if requests is None else requests.add,
        began_s=began_s,
        sender=sender,
        commissioning=surroundings.commissioning,
        alarms=surroundings.alarms,
        journal=history.journal,
    )


def open_outbox(config: Config, topics: payloads.Topics) -> Outbox:
    """The outbox in the state directory, which is locked until the process ends.

    The stdout sink keeps its outbox in memory; it needs the directory for clips alone.
    """

    def gap_marker(epoch: str, gap: Gap) -> Message:
        return payloads.gap(topics, epoch, gap, time.time())

    limits = Limits(
        messages=config.outbox.max_messages,
        bytes=round(config.outbox.max_mib * 2**20),
        age_s=config.outbox.max_age_s,
    )
    state_dir, in_memory = Path(config.agent.state_dir), config.agent.sink == "stdout"
    if not in_memory or config.evidence is not None:
        state_directory.claim(state_dir)
    if in_memory:
        return Outbox(None, limits, gap_marker)
    try:
        if not (state_dir / OUTBOX).exists():
            (state_dir / SHORT_ID).touch()
        return Outbox(state_dir / OUTBOX, limits, gap_marker)
    except DiskError as error:
        raise ConditionError(
            f"agent.state_dir: {state_dir}: the outbox cannot be opened: {error}"
        ) from None
    except OSError as error:
        reason = error.strerror
        raise ConditionError(f"agent.state_dir: {state_dir} cannot be written: {reason}") from None
