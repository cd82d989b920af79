"""Which messages from the broker are handled by whom: Home Assistant's, commands, bundles."""

import time
from typing import Any

import msgspec

from agent.config.load import Config
from agent.control.command_handler import CommandHandler
from agent.control.rollout.requests import UpdateQueue
from agent.core.types import Message
from agent.delivery.duplicate_client import Listener
from agent.delivery.sender import Sender
from agent.messages import homeassistant, payloads
from agent.service.announcer import Announcer


def listeners(
    config: Config,
    announcer: Announcer,
    sender: Sender,
    commands: CommandHandler,
    updates: UpdateQueue,
) -> dict[str, Listener]:
    """Listeners by topic filter. The agent does not subscribe to what the configuration forbids."""
    by_filter: dict[str, Listener] = {}
    topics = announcer.topics
    if config.mqtt.home_assistant:
        by_filter[homeassistant.STATUS] = _home_assistant_listener(announcer, sender)
    if config.commands.allow:
        by_filter[topics.of("command", verb="+")] = commands.on_command
    if config.rollout.source is not None:
        by_filter[topics.of("announce", model="+")] = updates.on_announcement
        if config.rollout.announce is not None:
            by_filter[config.rollout.announce] = updates.on_announcement
    return by_filter


def _home_assistant_listener(announcer: Announcer, sender: Sender) -> Listener:
    """Publishes everything again when Home Assistant has started: a broker may retain nothing."""

    def on_status(topic: str, payload: bytes, retained: bool) -> list[Message]:
        started = bool(announcer.discovery.on_status(topic, payload, retained))
        return [*announcer.births(), *sender.retained()] if started else []

    return on_status


class CommandResults(msgspec.Struct, frozen=True):
    """Puts the results of commands in the outbox."""

    topics: payloads.Topics
    sender: Sender

    def publish(self, verb: str, command: str, why: str | None, **fields: Any) -> None:
        """Queues the result of the command with that id; from any thread."""

        def make(epoch: str, seq: int) -> Message:
            slot = payloads.OutboxSlot(epoch, seq, time.time())
            return payloads.result(self.topics, slot, verb, command, why, **fields)

        self.sender.put(make)
