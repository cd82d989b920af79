"""MQTT 5 properties of published messages and of the last will."""

import functools

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent import __version__
from agent.core.types import Message
from agent.messages import topics
from agent.mqtt.properties import PackedProperties

SPARKPLUG = "spBv1.0/"  # Sparkplug payloads describe themselves


def of(message: Message, window_expiry_s: int) -> PackedProperties:
    """Content type; the payload's schema and the agent's version as user properties.

    Windows expire where a broker keeps them for a subscriber that is away; changes of state do not.
    """
    if message.topic.startswith(SPARKPLUG):
        return _packed("", window_expiry_s)
    return _packed(topics.kind_of(message.topic, message.payload), window_expiry_s)


def will(topic: str, delay_s: int) -> Properties:
    """Properties of the last will; the broker publishes it `delay_s` seconds after a disconnect."""
    if topic.startswith(SPARKPLUG):
        return Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    properties = _made(PacketTypes.WILLMESSAGE, topic.rpartition("/")[2], 0)
    properties.WillDelayInterval = delay_s
    return properties


@functools.lru_cache(maxsize=64)
def _packed(kind: str, window_expiry_s: int) -> PackedProperties:
    """Of messages of that kind; none where that is empty."""
    properties = (
        _made(PacketTypes.PUBLISH, kind, window_expiry_s)
        if kind
        else Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    )
    return PackedProperties(properties.pack())  # type: ignore[no-untyped-call]


def _made(packet: int, kind: str, window_expiry_s: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    published = topics.PUBLISHED.get(kind)
    schema = None if published is None else published.schema
    text = published is not None and schema is None
    properties.ContentType = "text/plain" if text else "application/json"
    schemas = [] if schema is None else [("schema", schema)]
    properties.UserProperty = [*schemas, ("version", __version__)]
    if kind == "window":
        properties.MessageExpiryInterval = window_expiry_s
    return properties
