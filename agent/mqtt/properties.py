"""MQTT 5 properties of a session; `agent.delivery` makes those of messages."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def session(expiry_s: int) -> Properties:
    """Of a CONNECT: how long the broker keeps the session, which delays the last will."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    return properties
