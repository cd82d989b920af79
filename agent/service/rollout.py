"""The roll-out of a running agent, put together from its configuration."""

import time
from pathlib import Path
from typing import Any

from agent.config.load import Config
from agent.control.rollout.controller import RolloutController
from agent.control.rollout.requests import UpdateQueue
from agent.core.types import Message
from agent.inference import registry
from agent.messages import payloads
from agent.pipeline.topology import Topology
from agent.service.publisher import Publisher


def begin(chosen: Config) -> bool:
    """Before any model is loaded; whether one may be rolled out. Not where nothing is delivered."""
    if chosen.agent.sink == "stdout":
        return False
    return registry.begin(Path(chosen.agent.state_dir), chosen.rollout.starts)


def updates(chosen: Config) -> UpdateQueue:
    return UpdateQueue(chosen.rollout, Path(chosen.agent.state_dir))


def control(
    chosen: Config, topology: Topology, publisher: Publisher, orders: UpdateQueue, steady: bool
) -> RolloutController:
    topics = payloads.Topics(chosen.mqtt.base, chosen.agent.id)

    def tell(model: str, **told: Any) -> None:
        def make(epoch: str, seq: int) -> Message:
            slot = payloads.OutboxSlot(epoch, seq, time.time())
            return payloads.rollout(topics, slot, model, **told)

        publisher.sender.put(make)

    return RolloutController(chosen, topology, tell, publisher.announce, orders, steady)
