"""Builds the roll-out of a running agent from its configuration."""

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


def count_start(config: Config) -> bool:
    """Before any model is loaded: whether one may be rolled out in this run.

    None is where nothing is delivered.
    """
    if config.agent.sink == "stdout":
        return False
    return registry.count_start(Path(config.agent.state_dir), config.rollout.starts)


def build_controller(
    config: Config, topology: Topology, publisher: Publisher, updates: UpdateQueue, *, enabled: bool
) -> RolloutController:
    topics = payloads.Topics(config.mqtt.base, config.agent.id)

    def publish(model: str, **fields: Any) -> None:
        def make(epoch: str, seq: int) -> Message:
            slot = payloads.OutboxSlot(epoch, seq, time.time())
            return payloads.rollout(topics, slot, model, **fields)

        publisher.sender.put(make)

    return RolloutController(
        config, topology, publish, publisher.announce, updates, enabled=enabled
    )
