"""More than an agent is to take: huge packets, crowds of connections, broken files."""

import contextlib
import resource
import signal
import socket
import time
from itertools import pairwise
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import free_port
from tests.support.broken_configurations import CONFIGURATIONS

from .listener import Listener
from .outcome import Check, at_most, injection, none
from .world import Running, World, seconds_until

PER_S = 100  # windows
HUGE = (256 << 20) - 64  # bytes of payload: with its header nearly the most that MQTT has
GROWTH_MIB = 20.0
NUMBERED = tuple(f"drsn/+/{last}" for last in ("gap", "+/window", "+/state", "+/event"))
CONNECTIONS = 1100


@injection(
    "a packet of 256 MiB, retained, on a topic of the agent's (MQTT 5 and 3.1.1)",
    "RSS grows < 20 MiB, 0 lost, no window left out; delivering again within 5 s of its removal",
)
def huge_packet(world: World) -> list[Check]:
    return [check for version in ("5", "3.1.1") for check in _huge(world, version)]


def _huge(world: World, version: str) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port, filters=NUMBERED)
    name = f"box-{version[0]}"
    mqtt = {"version": version, "reconnect_max_s": 2}
    commands = {"allow": ["ping"]}
    tree = world.tree(broker.port, world.live(PER_S), name=name, mqtt=mqtt, commands=commands)
    agent = world.start(tree)
    seconds_until(lambda: len(listener.windows()) > PER_S, 20)
    before_mib = agent.rss_mib()
    topic = f"drsn/{name}/cmd/ping"
    _publish(broker.port, topic, bytes(HUGE))
    most_mib = 0.0
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        most_mib = max(most_mib, agent.rss_mib())
        time.sleep(0.05)
    lived, reached = agent.lives, listener.book.last
    _publish(broker.port, topic, b"")
    again_s = seconds_until(lambda: listener.book.last > reached + PER_S, 30)
    agent.stopped_after_s()
    return [
        Check(f"MQTT {version}: lived on", lived, lived),
        at_most("RSS grew by", most_mib - before_mib, GROWTH_MIB, " MiB"),
        at_most("delivering again after", again_s, 5.0, " s"),
        none("lost", listener.book.missing()),
        *_whole(listener),
    ]


def _publish(port: int, topic: str, payload: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


@injection(
    f"{CONNECTIONS:,} connections to the metrics' port, none of which reads",
    "it lives on, no window left out, metrics again within 15 s",
)
def metrics_crowd(world: World) -> list[Check]:
    _allow_descriptors(CONNECTIONS + 200)
    broker, port = world.broker(), free_port()
    listener = world.listen(broker.port)
    agent = world.start(world.tree(broker.port, world.live(PER_S), metrics={"port": port}))
    seconds_until(lambda: len(listener.windows()) > PER_S, 20)
    with contextlib.ExitStack() as crowd:
        made = sum(_connect(port, crowd) for _ in range(CONNECTIONS))
        descriptors = agent.descriptors()
        time.sleep(world.size(15, 1))
        lived, windows = agent.lives, len(listener.windows())
    again_s = seconds_until(lambda: _scraped(port), 20)
    seconds_until(lambda: len(listener.windows()) > windows, 5)
    agent.stopped_after_s()
    return [
        Check("connections made", made, made == CONNECTIONS),
        at_most("descriptors", descriptors, 100),
        Check("lived on", lived, lived),
        at_most("metrics again after", again_s, 15.0, " s"),
        none("lost", listener.book.missing()),
        *_whole(listener),
    ]


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count, hard)), hard))


def _connect(port: int, crowd: contextlib.ExitStack) -> bool:
    """As a client sees it: the kernel accepts before the agent does."""
    connection = crowd.enter_context(socket.socket())
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", port))
    with contextlib.suppress(OSError):
        connection.send(b"GET /metrics HTTP/1.1\r\n")
    return True


def _scraped(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as scraper:
        scraper.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        return b" 200 " in scraper.recv(64)
    return False


@injection(
    f"{len(CONFIGURATIONS)} broken configuration files, each with a reload, under load",
    "each refused in one line; 0 windows and 0 numbers lost",
)
def broken_reloads(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    agent = world.start(world.tree(broker.port, world.live(PER_S)))
    seconds_until(lambda: len(listener.windows()) > PER_S, 20)
    file = Path(agent.process.args[-1])  # type: ignore[index, arg-type]
    contents = list(CONFIGURATIONS.values())[: world.size(len(CONFIGURATIONS), 5)]
    refused = 0
    for number, content in enumerate(contents, 1):
        file.write_bytes(content)
        agent.process.send_signal(signal.SIGHUP)
        refused += seconds_until(lambda: _refusals(agent) >= number, 20) < 20  # noqa: B023
    lived = agent.lives
    agent.stopped_after_s()
    return [
        Check("refused", refused, refused == len(contents)),
        none("tracebacks", agent.logged().count("Traceback")),
        Check("lived on", lived, lived),
        none("lost", listener.book.missing()),
        *_whole(listener),
    ]


def _refusals(agent: Running) -> int:
    return agent.logged().count("reload refused")


def _whole(listener: Listener) -> list[Check]:
    """Every window has come, each once."""
    firsts = [window.first_sample for window in listener.windows()]
    holes = sum(b - a != firsts[1] - firsts[0] for a, b in pairwise(firsts))
    return [Check("windows", len(firsts), len(firsts) > PER_S), none("holes", holes)]
