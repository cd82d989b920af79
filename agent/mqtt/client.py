"""Makes a paho client from the configuration: protocol, last will, credentials, TLS, socket."""

import contextlib
import logging
import socket
import weakref
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from agent.core.types import Message
from agent.mqtt import properties
from agent.mqtt import settings as broker
from agent.mqtt.properties import PackedProperties
from agent.mqtt.settings import Mqtt

CONNECT_S = 4.0
FENCE = "drsn/fence"  # a topic to which nobody subscribes
MAX_PACKET_BYTES = 1 << 20  # of a packet from the broker; the largest meant for us has 64 KiB
USER_TIMEOUT_MS = 5000  # a peer that does not acknowledge TCP for so long is gone

log = logging.getLogger("drsn.mqtt")


class PacketSizeError(OSError):
    """The broker began to send a packet that is larger than `MAX_PACKET_BYTES`."""

    def __init__(self, size: int) -> None:
        limit = MAX_PACKET_BYTES
        super().__init__(f"found a packet of {size} bytes, expected at most {limit}")


def make(
    settings: Mqtt,
    client_id: str,
    will: Message | None = None,
    will_properties: Properties | None = None,
) -> paho.Client:
    """A client for one connection; its files are read now, so that they may change between two.

    The settings' version is not `auto`: see `agent.mqtt.negotiation`. `will_properties` are sent
    with the last will over MQTT 5.
    """
    modern = settings.version == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if modern else True,
        protocol=paho.MQTTv5 if modern else paho.MQTTv311,
        transport=settings.transport,
        reconnect_on_failure=False,
    )
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.path)
    client.connect_timeout = CONNECT_S
    client.max_inflight_messages_set(100)  # never reached: the sender has a lower limit
    if will is not None:
        properties_5 = will_properties if modern else None
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties_5)
    if settings.username is not None:
        client.username_pw_set(settings.username, broker.password(settings))
    if settings.tls is not None:
        if settings.tls.insecure:
            log.warning("mqtt.tls.insecure: the broker's certificate is not checked")
        client.tls_set_context(broker.context(settings.tls))
        client.tls_insecure_set(settings.tls.insecure)
    client.on_socket_open = _detect_dead_peers
    _bound_packets(client)
    return client


def connect(client: paho.Client, settings: Mqtt) -> None:
    """Looks up the name, connects by TCP and TLS, and sends the CONNECT; blocks. `OSError`.

    Over MQTT 5 the session outlives a connection for as long as the last will is delayed: a client
    that returns within that time is not published as `offline`. Nothing else is kept in it.
    """
    options: dict[str, Any] = {}
    if settings.version == "5":
        options["clean_start"] = settings.will_delay_s == 0
        options["properties"] = properties.connect(settings.will_delay_s, MAX_PACKET_BYTES)
    try:
        code = client.connect(settings.host, settings.port, settings.keepalive_s, **options)
    except IndexError:  # paho, for a header without a value
        raise ConnectionError("WebSocket handshake error") from None
    if code != paho.MQTT_ERR_SUCCESS:  # it was closed while the CONNECT was written
        raise ConnectionError(paho.error_string(code).rstrip("."))


def publish(
    client: paho.Client, message: Message, message_properties: PackedProperties | None
) -> paho.MQTTMessageInfo:
    """Publishes the message with its properties of MQTT 5; None over 3.1.1."""
    return client.publish(
        message.topic,
        message.payload,
        message.qos,
        message.retain,
        cast(Properties | None, message_properties),
    )


def fence(client: paho.Client) -> int:
    """The id of a request whose answer shows that everything sent before it has arrived.

    A message with QoS 0 has no acknowledgement. But a broker reads a connection in order, and
    answers an UNSUBSCRIBE even where there is no subscription (MQTT 3.1.1 and MQTT 5, 3.10.4).
    """
    _, mid = client.unsubscribe(FENCE)
    return mid or 0


def _bound_packets(client: paho.Client) -> None:
    """Closes the connection on a packet that is too large, before a byte of it is read.

    MQTT 5 brokers do not send such a packet (`properties.connect`), MQTT 3.1.1 has no limit. paho
    has no hook there: it asks its socket for all that is left of a packet, so what it asks for is
    the packet's length. paho logs the error and ends the connection.
    """
    reference = weakref.ref(client)  # a client that refers to itself would keep its sockets open

    def receive_bounded(bufsize: int) -> bytes:
        owner = reference()
        if bufsize > MAX_PACKET_BYTES:
            raise PacketSizeError(bufsize)
        return b"" if owner is None else paho.Client._sock_recv(owner, bufsize)

    client._sock_recv = receive_bounded  # type: ignore[method-assign]


def _detect_dead_peers(_client: paho.Client, _data: object, sock: Any) -> None:
    """Detects a pulled cable within seconds, not after two keepalives."""
    sock = getattr(sock, "_socket", sock)  # that of a WebSocket
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
