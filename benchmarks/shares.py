"""`python -m benchmarks.shares`: what the broker at hand does with shared subscriptions.

Counts for docs/SCALE.md; needs mosquitto.
"""

import collections
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.mqtt.client import MAX_PACKET_BYTES
from agent.mqtt.properties import connect
from benchmarks.fleet.processes import BROKER, Broker, free_port
from tests.support import subscribing

PLAIN, SHARED = "drsn/+/+/event", "$share/fleet/drsn/+/+/event"
TOPIC = "drsn/box/machine/event"
QUIET_S = 1.0  # without a message: no more will come
MANY = 100


class Member:
    """A subscriber with a session; acknowledges what it is given, or nothing."""

    def __init__(
        self, port: int, name: str, topic: str, keep_s: int = 600, takes: bool = True
    ) -> None:
        self.received: list[bytes] = []
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, manual_ack=not takes
        )
        self._client.on_connect = subscribing.to(topic)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _c, _d, message: self.received.append(
            bytes(message.payload)
        )
        properties = connect(keep_s, MAX_PACKET_BYTES)
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._ready.wait(10)

    def vanish(self) -> None:
        """As if it were killed: no farewell."""
        self._client.reconnect_delay_set(3600, 3600)
        self._client._sock_close()
        time.sleep(QUIET_S)

    def count(self) -> int:
        """What it has received, once nothing more comes."""
        last = -1
        while len(self.received) > last:
            last = len(self.received)
            time.sleep(QUIET_S)
        return last


def publish(port: int, first: int, count: int = MANY) -> dict[str, int]:
    """What the broker says to so many messages, by its words."""
    answers: collections.Counter[str] = collections.Counter()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_publish = lambda _c, _d, _m, code, _p: answers.update([str(code)])
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(first, first + count):
        sent = client.publish(TOPIC, str(number), 1)
    sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    return dict(answers)


@contextlib.contextmanager
def broker(extra: str = "") -> Iterator[tuple[Broker, int]]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        running = Broker(Path(folder), port, BROKER + extra)
        running.start()
        yield running, port
        running.stop()


def member_away() -> None:
    with broker() as (_, port):
        there, away = Member(port, "there", SHARED), Member(port, "away", SHARED)
        away.vanish()
        publish(port, 0)
        print(f"a member is away: of {MANY} messages the other got {there.count()},", end=" ")
        back = Member(port, "away", SHARED)
        print(f"the one that comes back {back.count()}")


def session_ends() -> None:
    with broker() as (_, port):
        there = Member(port, "there", SHARED)
        away = Member(port, "away", SHARED, keep_s=1, takes=False)
        publish(port, 0)
        away.vanish()
        publish(port, MANY)
        time.sleep(5)  # mosquitto looks for expired sessions now and then
        back = Member(port, "away", SHARED)
        got = len({*there.received, *back.received})
        print(f"a member's session expires: of {2 * MANY} the group got {there.count()}", end=" ")
        print(f"and, when it is back, {back.count()} more: {2 * MANY - got} are lost")


def restart(topic: str) -> None:
    with broker() as (running, port):
        first = Member(port, "one", topic, takes=False)
        publish(port, 0)
        first.vanish()
        running.stop()
        running.start()
        answers = publish(port, MANY)
        again = Member(port, "one", topic)
        what = f"{topic}: restart (SIGTERM, persistence), {MANY} before it and {MANY} before the"
        print(f"{what} subscriber is back: it got {again.count()}; PUBACKs after it: {answers}")


def limit() -> None:
    with broker("max_queued_messages 1000\n") as (_, port):
        Member(port, "one", PLAIN).vanish()
        answers = publish(port, 0, 3000)
        got = Member(port, "one", PLAIN).count()
        print(f"max_queued_messages 1000 (the default): of 3000 it got {got}; PUBACKs: {answers}")


def main() -> None:
    member_away()
    session_ends()
    for topic in (SHARED, PLAIN):
        restart(topic)
    limit()


if __name__ == "__main__":
    main()
