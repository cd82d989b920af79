"""Tries the broker once, as the agent does: name, TLS, credentials, the right to publish."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.load import Config
from agent.core.types import Message
from agent.delivery import mqtt_properties
from agent.mqtt import client as mqtt_client
from agent.mqtt.settings import Mqtt

ANSWER_S = 5.0


class _ReasonCodes:
    """The broker's reason codes, stored by the callbacks of paho's client."""

    def __init__(self) -> None:
        self.connected: ReasonCode | None = None
        self.published: ReasonCode | None = None

    def on_connect(self, _c: object, _d: object, _f: object, code: ReasonCode, _p: object) -> None:
        self.connected = code

    def on_publish(self, _c: object, _d: object, _m: int, code: ReasonCode, _p: object) -> None:
        self.published = code


def probe(config: Config) -> str | None:
    """Why the agent cannot publish there, and what to do; None where it can.

    Publishes an empty message to `<base>/<agent>/doctor`, under its own client id.
    """
    settings = config.mqtt
    message = Message(0, f"{settings.base}/{config.agent.id}/doctor", b"")
    client_id = f"{settings.client_id or 'drsn-' + config.agent.id}-doctor"
    codes = _ReasonCodes()
    client: paho.Client | None = None
    try:
        will_properties = mqtt_properties.will(message.topic, settings.will_delay_s)
        client = mqtt_client.make(settings, client_id, message, will_properties)
        client.on_connect, client.on_publish = codes.on_connect, codes.on_publish
        client.connect(settings.host, settings.port, settings.keepalive_s)
        return _publish(client, codes, message)
    except (OSError, ValueError) as error:
        return _explain(error, settings)
    finally:
        if client is not None:
            with contextlib.suppress(OSError, ValueError):
                client.disconnect()


def _publish(client: paho.Client, codes: _ReasonCodes, message: Message) -> str | None:
    """Why the broker does not accept the connection or the message; None where it does."""
    connected = _await(client, lambda: codes.connected)
    if connected is None:
        return f"no answer within {ANSWER_S:g} s: is that an MQTT broker, and with TLS or without?"
    if connected.is_failure:
        return f"refuses us: {connected}: see mqtt.username and mqtt.password_file"
    client.publish(message.topic, message.payload, 1)
    published = _await(client, lambda: codes.published)
    if published is None:
        return f"accepts us and does not acknowledge {message.topic}: may we publish there (ACL)?"
    if published.is_failure:
        return f"does not accept {message.topic}: {published}: may we publish there (ACL)?"
    return None


def _await(client: paho.Client, code: Callable[[], ReasonCode | None]) -> ReasonCode | None:
    """The reason code once it is there; None where the connection ends or the time is up."""
    until_s = time.monotonic() + ANSWER_S
    while code() is None and time.monotonic() < until_s:
        if client.loop(0.1) != paho.MQTT_ERR_SUCCESS:
            break
    return code()


def _explain(error: Exception, mqtt: Mqtt) -> str:
    """The error, and where to look for its cause."""
    text = getattr(error, "strerror", None) or str(error)
    match error:
        case ssl.SSLCertVerificationError():
            return f"{error.verify_message}: see mqtt.tls.ca_file, and the name in mqtt.host"
        case ssl.SSLError() | ConnectionResetError():
            return f"{text}: does that port speak TLS, and expect a certificate of ours?"
        case socket.gaierror():
            return f"{text}: see mqtt.host, and the machine's name server"
        case ConnectionRefusedError():
            return f"{text}: does the broker run, is mqtt.port {mqtt.port} right?"
        case TimeoutError():
            return f"{text}: is there a route to it, a firewall between?"
    return str(text)
