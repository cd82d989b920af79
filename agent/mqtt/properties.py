"""MQTT 5 properties of a session; `agent.delivery` makes those of messages."""

import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


class PackedProperties(msgspec.Struct, frozen=True):
    """Properties encoded once, for many messages: paho encodes its own anew for each."""

    packed: bytes

    def pack(self) -> bytes:
        """As paho asks for them."""
        return self.packed


def connect(expiry_s: int, max_packet_bytes: int) -> Properties:
    """Of a CONNECT: how long the broker keeps the session, and the largest packet that it sends.

    The session's end also delays the last will.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    properties.MaximumPacketSize = max_packet_bytes
    return properties
