"""What the agent says of itself after each connect, and when its sources have changed."""

import time
from collections.abc import Sequence

import msgspec

from agent import __version__
from agent.core import json_input
from agent.core.types import Message
from agent.delivery.discovery import Discovery
from agent.messages import homeassistant, payloads
from agent.messages.records import SourceInfo
from agent.mqtt.negotiation import Negotiation
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service.machines import MachineStates

MAX_INFO = 1 << 18  # bytes


class _Epoch(msgspec.Struct):
    """What is read of an `info` message."""

    epoch: str


class Announcer(msgspec.Struct, frozen=True, kw_only=True):
    """Makes the messages; others send them."""

    topics: payloads.Topics
    epoch: str  # of the outbox
    pipelines: Sequence[SourcePipeline]  # which change when the configuration is reloaded
    machines: MachineStates
    discovery: Discovery
    negotiation: Negotiation
    verbs: tuple[str, ...] = ()  # that are carried out on command

    def births(self) -> list[Message]:
        """`online`, `info`, and the descriptions for Home Assistant where it is used."""
        return [
            payloads.status(self.topics, payloads.ONLINE),
            payloads.info(
                self.topics,
                __version__,
                self.epoch,
                time.time(),
                self.sources(),
                self.negotiation.accepted,
                self.machines.infos,
            ),
            *self.discovery.messages(),
        ]

    def will(self) -> Message:
        return payloads.status(self.topics, payloads.OFFLINE)

    def sources(self) -> list[SourceInfo]:
        return [pipeline.info() for pipeline in self.pipelines]

    def renew_devices(self) -> None:
        """Describes the present sources to Home Assistant in what `births` returns from now on."""
        machines = self.machines.infos
        self.discovery.renew(
            homeassistant.configs(self.topics, self.sources(), self.verbs, machines)
        )

    def is_other(self, info: bytes) -> bool:
        """Whether an `info` on this agent's topic comes from another agent: another outbox."""
        try:
            return json_input.decode(info, _Epoch, max_bytes=MAX_INFO).epoch != self.epoch
        except json_input.JsonError:
            return False
