"""Tries the broker once, as the agent would: name, TLS, credentials, the right to publish."""

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


class _Answers:
    """What the broker said; the callbacks of paho's client."""

    def __init__(self) -> None:
        self.let_in: ReasonCode | None = None
        self.took: ReasonCode | None = None

    def on_connect(self, _c: object, _d: object, _f: object, code: ReasonCode, _p: object) -> None:
        self.let_in = code

    def on_publish(self, _c: object, _d: object, _m: int, code: ReasonCode, _p: object) -> None:
        self.took = code


def trouble(chosen: Config) -> str | None:
    """Why the agent cannot publish there, and what to do; None where it can.

    Publishes an empty message to `<base>/<agent>/doctor`, under a client id of its own.
    """
    message = Message(0, f"{chosen.mqtt.base}/{chosen.agent.id}/doctor", b"")
    client_id = f"{chosen.mqtt.client_id or 'drsn-' + chosen.agent.id}-doctor"
    answers = _Answers()
    client: paho.Client | None = None
    try:
        will_properties = mqtt_properties.will(message.topic, chosen.mqtt.will_delay_s)
        client = mqtt_client.make(chosen.mqtt, client_id, message, will_properties)
        client.on_connect, client.on_publish = answers.on_connect, answers.on_publish
        client.connect(chosen.mqtt.host, chosen.mqtt.port, chosen.mqtt.keepalive_s)
        return _asked(client, answers, message)
    except (OSError, ValueError) as error:
        return _explained(error, chosen.mqtt)
    finally:
        if client is not None:
            with contextlib.suppress(OSError, ValueError):
                client.disconnect()


def _asked(client: paho.Client, answers: _Answers, message: Message) -> str | None:
    if not _until(client, lambda: answers.let_in is not None):
        return f"no answer within {ANSWER_S:g} s: is that an MQTT broker, and with TLS or without?"
    assert answers.let_in is not None
    if answers.let_in.is_failure:
        todo = "see mqtt.username and mqtt.password_file"
        return f"refuses us: {answers.let_in}: {todo}"
    client.publish(message.topic, message.payload, 1)
    if not _until(client, lambda: answers.took is not None):
        return f"lets us in and does not acknowledge {message.topic}: may we publish there (ACL)?"
    assert answers.took is not None
    if answers.took.is_failure:
        return f"does not take {message.topic}: {answers.took}: may we publish there (ACL)?"
    return None


def _until(client: paho.Client, happened: Callable[[], bool]) -> bool:

    until_s = time.monotonic() + ANSWER_S
    while not happened() and time.monotonic() < until_s:
        if client.loop(0.1) != paho.MQTT_ERR_SUCCESS:
            return happened()
    return happened()


def _explained(error: Exception, mqtt: Mqtt) -> str:
    said = getattr(error, "strerror", None) or str(error)
    match error:
        case ssl.SSLCertVerificationError():
            return f"{error.verify_message}: see mqtt.tls.ca_file, and the name in mqtt.host"
        case ssl.SSLError() | ConnectionResetError():
            return f"{said}: does that port speak TLS, and expect a certificate of ours?"
        case socket.gaierror():
            return f"{said}: see mqtt.host, and the machine's name server"
        case ConnectionRefusedError():
            return f"{said}: does the broker run, is mqtt.port {mqtt.port} right?"
        case TimeoutError():
            return f"{said}: is there a way to it, a firewall between?"
    return str(said)
