"""Subscriptions of a connection, and the listeners of their messages."""

import logging
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.core.types import Message
from agent.delivery.duplicate_client import Identity

log = logging.getLogger("drsn.mqtt")


def subscribe(client: paho.Client, identity: Identity, modern: bool) -> None:
    """Subscribes to the agent's `info` topic and to the listeners' topics.

    Over MQTT 5 a listener also learns of a new message whether it was published as retained.
    """
    client.on_subscribe = _on_subscribe
    client.subscribe(identity.topic)
    for topic in identity.listens:
        how = {"options": SubscribeOptions(1, retainAsPublished=True)} if modern else {"qos": 1}
        client.subscribe(topic, **how)


def replies(identity: Identity, message: paho.MQTTMessage) -> Iterator[Message]:
    """The listeners' answers to a message."""
    for topic, listener in identity.listens.items():
        if paho.topic_matches_sub(topic, message.topic):
            yield from listener(message.topic, bytes(message.payload), message.retain)


def _on_subscribe(
    _client: paho.Client, _data: object, _mid: int, codes: Any, _properties: Any
) -> None:
    refused = [str(code) for code in codes if code.is_failure]
    if refused:
        log.warning("the broker does not let us subscribe: %s", refused[0])
