"""Whom the broker's messages are for: Home Assistant's state, commands, announced bundles."""

import time
from typing import Any

from agent.config.load import Config
from agent.control.command_handler import CommandHandler
from agent.core.types import Message
from agent.delivery.discovery import Discovery
from agent.delivery.duplicate_client import Listener
from agent.delivery.sender import Sender
from agent.messages import homeassistant, payloads


def listeners(
    chosen: Config,
    topics: payloads.Topics,
    discovery: Discovery,
    command_handler: CommandHandler,
    announced: Listener | None,
) -> dict[str, Listener]:
    """By topic; a verb that nobody may use is not even subscribed to."""
    found: dict[str, Listener] = {}
    if chosen.mqtt.home_assistant:
        found[homeassistant.STATUS] = discovery.on_status
    if chosen.commands.allow:
        found[topics.of("command", verb="+")] = command_handler.on_command
    if chosen.rollout.source is not None and announced is not None:
        found[topics.of("announce", model="+")] = announced
        if chosen.rollout.announce is not None:
            found[chosen.rollout.announce] = announced
    return found


class CommandResults:
    """Puts what has become of commands in the outbox, once there is a sender."""

    def __init__(self, topics: payloads.Topics) -> None:
        self.sender: Sender | None = None
        self._topics = topics

    def publish(self, verb: str, command: str, why: str | None, **told: Any) -> None:
        """From any thread."""

        def make(epoch: str, seq: int) -> Message:
            slot = payloads.OutboxSlot(epoch, seq, time.time())
            return payloads.result(self._topics, slot, verb, command, why, **told)

        if self.sender is not None:
            self.sender.put(make)
