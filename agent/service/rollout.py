"""The roll-out of a running agent, put together from its configuration."""

import time
from pathlib import Path
from typing import Any

from agent.config.load import Config
from agent.control.rollout.controller import Steer
from agent.control.rollout.requests import Inbox
from agent.core.types import Message
from agent.inference import registry
from agent.messages import payloads
from agent.pipeline.topology import Lineup
from agent.service.publisher import Post


def begin(chosen: Config) -> bool:
    """Before any model is loaded; whether one may be rolled out. Not where nothing is delivered."""
    if chosen.agent.sink == "stdout":
        return False
    return registry.begin(Path(chosen.agent.state_dir), chosen.rollout.starts)


def inbox(chosen: Config) -> Inbox:
    return Inbox(chosen.rollout, Path(chosen.agent.state_dir))


def steer(chosen: Config, lineup: Lineup, post: Post, orders: Inbox, steady: bool) -> Steer:
    topics = payloads.Topics(chosen.mqtt.base, chosen.agent.id)

    def tell(model: str, **told: Any) -> None:
        def make(epoch: str, seq: int) -> Message:
            return payloads.rollout(topics, epoch, seq, time.time(), model, **told)

        post.sender.put(make)

    return Steer(chosen, lineup, tell, post.announce, orders, steady)
