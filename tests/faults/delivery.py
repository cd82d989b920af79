"""What happens between the outbox and the broker: cables that break, agents and brokers killed."""

import math
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from agent.delivery.sender import MAX_IN_FLIGHT
from tests.conftest import free_port

from .listener import Book, Listener
from .outcome import Check, at_most, injection, none
from .proxy import Proxy
from .world import Running, World, kept, last_kept, seconds_until

DURABLE = "persistence true\npersistence_location {}/\n"


def _nothing_lost(book: Book) -> list[Check]:
    """Each number delivered, none dropped, no two contents with one number, in order."""
    return [
        Check("delivered", len(book.digests)),
        none("lost", book.missing()),
        none("dropped", book.dropped),
        none("first deliveries out of order", book.out_of_order),
        none("numbers given twice", book.conflicts),
    ]


@injection(
    "connections cut at random every 0.5-30 kB, 5,000 messages",
    "0 lost, duplicates <= window x cuts, first deliveries in order",
    short=True,
)
def cuts(world: World) -> list[Check]:
    messages = world.size(5000, 250)
    broker = world.broker()
    listener = world.listen(broker.port)
    proxy = world.stack.enter_context(Proxy(broker.port, cut_bytes=(500, 30_000)))
    tree = world.tree(proxy.port, world.recorded(messages))
    tree["agent"]["health_s"] = 0.02  # so that much goes beside the outbox that nobody acknowledges
    agent = world.start(tree)
    took_s = agent.ended_after_s(world.size(600, 60))
    seconds_until(lambda: listener.book.last >= messages, 2)
    book, bound = listener.book, MAX_IN_FLIGHT * proxy.cuts
    return [
        Check("cuts", proxy.cuts, proxy.cuts > messages / 50),
        Check("all acknowledged after s", took_s, took_s < math.inf),
        Check("messages", book.last, book.last == messages),
        *_nothing_lost(book),
        at_most("duplicates", book.duplicates, bound),
    ]


@injection(
    "kill -9 of the agent x 100 under load (1,000 messages/s)",
    "0 committed messages lost, integrity ok, sequence goes on",
    short=True,
)
def kills(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    tree, when = world.tree(broker.port, world.live(1000)), random.Random(0)
    committed: set[int] = set()
    spoilt = 0
    for _ in range(world.size(100, 4)):
        agent = world.start(tree)
        agent.ready_after_s()
        time.sleep(when.uniform(0.0, 1.0))
        agent.kill()
        left = kept(world.state())
        committed |= left.seqs
        spoilt += left.integrity != "ok"
    drained = world.drain(broker.port)
    book = listener.book
    return [
        Check("delivered to the end", drained, drained),
        none("committed messages lost", committed - book.digests.keys()),
        none("files with an integrity error", spoilt),
        Check("epochs", len(listener.books), len(listener.books) == 1),
        Check("committed when killed", len(committed), len(committed) > 0),
        *_nothing_lost(book),
        Check("duplicates", book.duplicates),
    ]


@injection(
    "broker killed (-9), 60 s down, 10,000 messages meanwhile",
    "0 lost, drained at >= 1,000 msg/s",
)
def broker_down(world: World) -> list[Check]:
    broker = world.broker(DURABLE.format(world.folder))
    assert broker.process is not None
    listener = world.listen(broker.port, session="listener")
    with Proxy(broker.port) as cable:
        agent = world.start(world.tree(cable.port, world.live(1000 / 6)))
        seconds_until(lambda: len(listener.windows()) > 100, 20)
        _save_session(broker.process.pid, world.folder)
        began = listener.book.last
        broker.stop()
    down_s = world.size(60, 6)
    time.sleep(down_s)
    broker.start()
    seconds_until(listener.connected, 20)
    meanwhile = last_kept(world.state())
    world.stack.enter_context(Proxy(broker.port, cable.port))
    rate = _drain_rate(listener, meanwhile)
    stopped_s = agent.stopped_after_s()
    seconds_until(lambda: not listener.book.missing(), 2)
    return [
        Check("down s", down_s),
        Check("messages meanwhile", meanwhile - began, meanwhile - began > 160 * down_s),
        Check("drained at messages/s", rate, rate >= 1000),
        *_nothing_lost(listener.book),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _save_session(broker: int, folder: Path) -> None:
    """Has mosquitto write down that somebody has subscribed, so that it survives the kill."""
    os.kill(broker, signal.SIGUSR1)
    seconds_until((folder / "mosquitto.db").exists, 5)


def _drain_rate(listener: Listener, backlog: int) -> float:
    """Messages per second from the first new one until the backlog has been delivered."""
    began = len(listener.received)
    seconds_until(lambda: listener.book.last >= backlog, 150)
    new = [item for item in listener.received[began:] if item.seq <= backlog]
    return len(new) / (new[-1].received_s - new[0].received_s) if len(new) > 1 else 0.0


@dataclass(frozen=True)
class Sample:
    """The process at one moment of the soak."""

    rss_mib: float
    descriptors: int
    wal_mib: float

    @classmethod
    def of(cls, agent: Running, wal: Path) -> "Sample":
        size = wal.stat().st_size if wal.exists() else 0
        return cls(agent.rss_mib(), agent.descriptors(), size / 2**20)


@injection(
    "soak: 1,000,000 messages, a cut every 5 s",
    "RSS grows < 5 MB, descriptors constant, WAL <= 8 MB",
)
def soak(world: World) -> list[Check]:
    messages = world.size(1_000_000, 20_000)
    broker = world.broker()
    listener = world.listen(broker.port, keep=False)
    proxy = world.stack.enter_context(Proxy(broker.port, cut_s=5.0))
    sources = [world.live(1000, f"live-{number}") for number in (1, 2)]
    began_s = time.monotonic()
    agent = world.start(world.tree(proxy.port, *sources))
    samples = _watch(agent, listener, messages, world)
    rate = listener.book.last / (time.monotonic() - began_s)
    stopped_s = agent.stopped_after_s(30)
    drained = world.drain(broker.port)
    # After a minute or two every file is open: the one of trends waits for its first minute.
    first, last = (
        samples[len(samples) * 3 // 20 : len(samples) // 4 + 1],
        samples[-len(samples) // 10 :],
    )
    grown = max(s.rss_mib for s in last) - max(s.rss_mib for s in first)
    # The middle: a file that is open, or a connection that is cut, just when one looks is no leak.
    more = round(median(s.descriptors for s in last) - median(s.descriptors for s in first))
    return [
        Check("cuts", proxy.cuts),
        Check("messages/s", rate),
        Check("delivered to the end", drained, drained),
        *_nothing_lost(listener.book),
        at_most("duplicates", listener.book.duplicates, MAX_IN_FLIGHT * (proxy.cuts + 1)),
        at_most("RSS grew by", grown, 5.0, " MiB"),
        at_most("more descriptors", more, 0),
        at_most("WAL", max(s.wal_mib for s in samples), 8.0, " MiB"),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _watch(agent: Running, listener: Listener, messages: int, world: World) -> list[Sample]:
    """Samples of the process until so many messages have been delivered."""
    wal, samples = world.state() / "outbox.sqlite-wal", []
    until_s = time.monotonic() + messages / 200
    while agent.lives and listener.book.last < messages and time.monotonic() < until_s:
        samples.append(Sample.of(agent, wal))
        time.sleep(0.5)
    return samples


@injection(
    "100,000 messages offline with a cap of 10,000",
    "90,000 counted dropped, gap marker delivered, RSS grows < 10 MB",
    short=True,
)
def over_the_cap(world: World) -> list[Check]:
    messages, cap = world.size(100_000, 5000), world.size(10_000, 500)
    broker, port = world.broker(), free_port()
    listener = world.listen(broker.port)
    limits = {"max_messages": cap}
    agent = world.start(world.tree(port, world.recorded(messages), outbox=limits))
    seconds_until(lambda: last_kept(world.state()) >= cap, 60)
    before_mib = agent.rss_mib()
    seconds_until(lambda: last_kept(world.state()) >= messages, 300)
    grown = agent.rss_mib() - before_mib
    world.stack.enter_context(Proxy(broker.port, port))
    ended_s = agent.ended_after_s(150)
    seconds_until(lambda: listener.book.last >= messages, 5)
    book = listener.book
    return [
        Check("counted dropped", book.dropped, book.dropped == messages - cap),
        Check("gap markers", len(book.gaps), len(book.gaps) >= 1),
        Check("delivered besides", len(book.digests) - len(book.gaps)),
        none("neither delivered nor accounted for", book.missing(messages)),
        none("first deliveries out of order", book.out_of_order),
        at_most("RSS grew by", grown, 10.0, " MiB"),
        Check("all acknowledged after s", ended_s, ended_s < math.inf),
    ]
