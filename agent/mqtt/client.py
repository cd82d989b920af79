"""A paho client as the configuration wants it: protocol, last will, credentials, TLS, socket."""

import contextlib
import logging
import socket
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.core.types import Message
from agent.delivery import mqtt_properties
from agent.mqtt import settings as broker
from agent.mqtt.settings import Mqtt

CONNECT_S = 4.0
FENCE = "drsn/fence"  # a topic that we never subscribe to
USER_TIMEOUT_MS = 5000  # a peer that does not acknowledge TCP for so long is gone

log = logging.getLogger("drsn.mqtt")


def make(settings: Mqtt, client_id: str, will: Message | None) -> paho.Client:
    """A client for one connection; files that it needs are read now, so that they may change."""
    modern = settings.version == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if modern else True,
        protocol=paho.MQTTv5 if modern else paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_S
    client.max_inflight_messages_set(100)  # never reached: the sender keeps its own window
    if will is not None:
        told = mqtt_properties.will(will.topic, settings.will_delay_s) if modern else None
        client.will_set(will.topic, will.payload, 1, will.retain, told)
    if settings.username is not None:
        client.username_pw_set(settings.username, broker.password(settings))
    if settings.tls is not None:
        if settings.tls.insecure:
            log.warning("mqtt.tls.insecure: the broker's certificate is not checked")
        client.tls_set_context(broker.context(settings.tls))
        client.tls_insecure_set(settings.tls.insecure)
    client.on_socket_open = _notice_dead_peers
    return client


def connect(client: paho.Client, settings: Mqtt) -> None:
    """Blocks for look-up, TCP and TLS, and sends the CONNECT.

    Over MQTT 5 the session outlives a connection for as long as the last will is delayed: a client
    that comes back within that time is not told to be `offline`. Nothing else is kept in it.

    `OSError` for what goes wrong.
    """
    how: dict[str, Any] = {}
    if settings.version == "5":
        how["clean_start"] = settings.will_delay_s == 0
        how["properties"] = mqtt_properties.session(settings.will_delay_s)
    code = client.connect(settings.host, settings.port, settings.keepalive_s, **how)
    if code != paho.MQTT_ERR_SUCCESS:  # it was closed while the CONNECT was written
        raise ConnectionError(paho.error_string(code).rstrip("."))


def publish(client: paho.Client, message: Message, settings: Mqtt) -> paho.MQTTMessageInfo:
    """Over MQTT 5 with the properties that go with its topic."""
    properties = None
    if settings.version == "5":
        properties = mqtt_properties.of(message.topic, settings.window_expiry_s)
    topic, payload = message.topic, message.payload
    return client.publish(topic, payload, message.qos, message.retain, properties)


def fence(client: paho.Client) -> int:
    """The id of a request whose answer tells that all that was sent before has arrived.

    A broker reads a connection in order and answers an UNSUBSCRIBE even where there is nothing to
    unsubscribe from (MQTT 3.1.1, 3.10.4; MQTT 5, 3.10.4): what QoS 0 has not.
    """
    _, mid = client.unsubscribe(FENCE)
    return mid or 0


def _notice_dead_peers(_client: paho.Client, _data: object, sock: Any) -> None:
    """A cable that was pulled is noticed in seconds, not after two keepalives."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
