"""`python -m benchmarks.shares`: what the broker at hand does with shared subscriptions.

Counts for docs/SCALE.md; needs mosquitto.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.fleet.processes import BROKER, Broker, free_port

PLAIN, SHARED = "drsn/+/+/event", "$share/fleet/drsn/+/+/event"
TOPIC = "drsn/box/machine/event"
QUIET_S = 1.0  # without a message: no more will come
MANY = 100


class Member:
    """A subscriber with a session; acknowledges what it is given, or nothing."""

    def __init__(
        self, port: int, name: str, topic: str, keep_s: int = 600, takes: bool = True
    ) -> None:
        self.heard: list[bytes] = []
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, manual_ack=not takes
        )
        self._client.on_connect = lambda *_: self._client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.payload)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = keep_s
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._ready.wait(10)

    def vanish(self) -> None:
        """As if it were killed: no farewell."""
        self._client.reconnect_delay_set(3600, 3600)
        self._client._sock_close()
        time.sleep(QUIET_S)

    def count(self) -> int:
        """What it has heard, once nothing more comes."""
        last = -1
        while len(self.heard) > last:
            last = len(self.heard)
            time.sleep(QUIET_S)
        return last


def publish(port: int, first: int, count: int = MANY) -> dict[str, int]:
    """What the broker says to so many messages, by its words."""
    said: dict[str, int] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_publish = lambda _c, _d, _m, code, _p: said.update(
        {str(code): said.get(str(code), 0) + 1}
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(first, first + count):
        sent = client.publish(TOPIC, str(number), 1)
    sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    return said


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
        got = len({*there.heard, *back.heard})
        print(f"a member's session expires: of {2 * MANY} the group got {there.count()}", end=" ")
        print(f"and, when it is back, {back.count()} more: {2 * MANY - got} are lost")


def restart(topic: str) -> None:
    with broker() as (running, port):
        first = Member(port, "one", topic, takes=False)
        publish(port, 0)
        first.vanish()
        running.stop()
        running.start()
        said = publish(port, MANY)
        again = Member(port, "one", topic)
        what = f"{topic}: restart (SIGTERM, persistence), {MANY} before it and {MANY} before the"
        print(f"{what} subscriber is back: it got {again.count()}; PUBACKs after it: {said}")


def limit() -> None:
    with broker("max_queued_messages 1000\n") as (_, port):
        Member(port, "one", PLAIN).vanish()
        said = publish(port, 0, 3000)
        got = Member(port, "one", PLAIN).count()
        print(f"max_queued_messages 1000 (the default): of 3000 it got {got}; PUBACKs: {said}")


def main() -> None:
    member_away()
    session_ends()
    for topic in (SHARED, PLAIN):
        restart(topic)
    limit()


if __name__ == "__main__":
    main()
