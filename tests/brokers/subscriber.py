"""An independent subscriber for any broker: one connection, everything in order."""

import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers.recipe import RunningBroker
from tests.conftest import Publication, eventually
from tests.support import subscribing

ANSWER_S = 20.0
PASSED_ON = "drsn/passed-on"  # no topic of an agent's
QUIET_S = 0.5


def client(broker: RunningBroker) -> paho.Client:
    """A client that the broker lets in, and that is not connected yet."""
    old = "3.1.1" in broker.recipe.speaks
    made = paho.Client(
        CallbackAPIVersion.VERSION2,
        protocol=paho.MQTTv311 if old else paho.MQTTv5,
        reconnect_on_failure=False,
    )
    if broker.recipe.login is not None:
        made.username_pw_set(*broker.recipe.login)
    return made


class Ear:
    """Hears these topics until it is closed or the broker goes."""

    def __init__(self, broker: RunningBroker, *topics: str) -> None:
        self.received: list[Publication] = []
        subscribed = threading.Event()
        self._client = client(broker)
        self._client.on_connect = subscribing.to(*topics)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _c, _d, message: self.received.append(
            Publication(message.topic, bytes(message.payload), message.retain)
        )
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        if not subscribed.wait(ANSWER_S):
            raise TimeoutError(f"{broker.recipe.name}: no answer to SUBSCRIBE")

    def of(self, last: str) -> list[Publication]:
        return [item for item in list(self.received) if item.last == last]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def retained(broker: RunningBroker, *topics: str, within_s: float = 2.0) -> dict[str, bytes]:
    """What a subscriber that comes now learns at once, by topic."""
    ear = Ear(broker, *topics)
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s and len(ear.received) < len(topics):
        time.sleep(0.05)
    time.sleep(0.3)
    ear.close()
    return {item.topic: item.payload for item in ear.received if item.retained}


def publish(broker: RunningBroker, topic: str, payload: bytes, retain: bool) -> None:
    """Publishes a message past the agent and waits for its acknowledgement."""
    publisher = client(broker)
    publisher.connect("127.0.0.1", broker.port)
    publisher.loop_start()
    publisher.publish(topic, payload, 1, retain=retain).wait_for_publish(ANSWER_S)
    publisher.disconnect()
    publisher.loop_stop()


def await_passed_on(ear: Ear, broker: RunningBroker) -> None:
    """Until the subscriber has what is published last, and nothing has come for a while.

    However late it is: when the broker is killed, what it had passed on would be lost otherwise.
    """
    publish(broker, PASSED_ON, b"", retain=False)
    eventually(lambda: bool(ear.of("passed-on")), ANSWER_S, "all is passed on")
    before = -1
    while before != len(ear.received):
        before = len(ear.received)
        time.sleep(QUIET_S)
