"""Tries the broker once, as the agent does: name, TLS, credentials, the right to publish."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.load import Config
from agent.core.types import Message
from agent.delivery import mqtt_properties
from agent.mqtt import client as mqtt_client
from agent.mqtt import errors
from agent.mqtt.negotiation import Negotiation, Terms
from agent.mqtt.settings import Mqtt

ANSWER_S = 5.0
TRIES = 4  # each on other terms


class _Responses:
    """The broker's responses, stored by the callbacks of paho's client."""

    def __init__(self) -> None:
        self.connected: ReasonCode | None = None
        self.properties: Properties | None = None
        self.published: ReasonCode | None = None

    def on_connect(
        self, _c: object, _d: object, _f: object, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.connected, self.properties = code, properties

    def on_publish(self, _c: object, _d: object, _m: int, code: ReasonCode, _p: object) -> None:
        self.published = code


@dataclass(frozen=True)
class Outcome:
    """What came of trying."""

    terms: Terms  # of the last connection
    why: str | None  # why the agent cannot publish there, and what to do; None: it can
    again: bool = False  # the broker may take a connection on other terms


def probe(config: Config) -> Outcome:
    """Publishes an empty message to `<base>/<agent>/doctor`, under its own client id."""
    negotiation = Negotiation(config.mqtt)
    outcome = _attempt(config, negotiation)
    for _ in range(1, TRIES):
        if outcome.again:
            outcome = _attempt(config, negotiation)
    return outcome


def _attempt(config: Config, negotiation: Negotiation) -> Outcome:
    """One connection on the present terms."""
    terms = negotiation.terms
    settings = terms.settings
    message = terms.fit(Message(0, f"{settings.base}/{config.agent.id}/doctor", b""))
    client_id = f"{settings.client_id or 'drsn-' + config.agent.id}-doctor"
    responses = _Responses()
    client: paho.Client | None = None
    try:
        will_properties = mqtt_properties.will(message.topic, settings.will_delay_s)
        will = terms.fit(msgspec.structs.replace(message, retain=True))  # as the agent's
        client = mqtt_client.make(settings, client_id, will, will_properties)
        client.on_connect, client.on_publish = responses.on_connect, responses.on_publish
        client.connect(settings.host, settings.port, settings.keepalive_s)
        connected = _await(client, lambda: responses.connected)
        if connected is None or connected.is_failure:
            return _unaccepted(config.mqtt, negotiation, responses)
        negotiation.connected(responses.properties)
        message = negotiation.terms.fit(message)
        return Outcome(negotiation.terms, _publish(client, responses, message))
    except (OSError, ValueError) as error:
        return Outcome(terms, explain(error, settings))
    finally:
        if client is not None:
            with contextlib.suppress(OSError, ValueError):
                client.disconnect()


def _unaccepted(settings: Mqtt, negotiation: Negotiation, responses: _Responses) -> Outcome:
    terms = negotiation.terms
    if responses.connected is None:
        why = (
            f"no answer within {ANSWER_S:g} s: is that an MQTT broker? {errors.questions(settings)}"
        )
        return Outcome(terms, why, negotiation.unanswered())
    why = f"refuses us: {errors.refused(responses.connected, responses.properties)}"
    return Outcome(terms, why, negotiation.refused(responses.connected))


def _publish(client: paho.Client, responses: _Responses, message: Message) -> str | None:
    """Why the broker does not accept the message; None where it does."""
    client.publish(message.topic, message.payload, message.qos)
    published = _await(client, lambda: responses.published)
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


def explain(error: Exception, mqtt: Mqtt) -> str:
    """An error of connecting, and where to look for its cause."""
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
