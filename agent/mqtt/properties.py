"""MQTT 5 properties of a session; those of messages are their sender's."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def session(expiry_s: int) -> Properties:
    """Of a connect: for how long the broker remembers us, which delays the last will."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    return properties
