"""Disks that are full, files that are broken, messages that nobody takes."""

import contextlib
import functools
import math
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import free_port

from .listener import Listener
from .outcome import Check, at_most, injection, none
from .proxy import Proxy
from .small_disk import small_disk
from .world import World, kept, last_kept, seconds_until

DISK_MIB = 16
OWN_MIB = 8
PAGE = 4096


@injection(
    f"disk full ({DISK_MIB} MiB loop filesystem), then freed",
    "no crash, drops counted, delivering again within 5 s",
)
def full_disk(world: World) -> list[Check]:
    with small_disk(world.state(), DISK_MIB):
        return _fill_and_free(world)


def _fill_and_free(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    agent = world.start(world.tree(broker.port, world.live(1000)))
    seconds_until(lambda: listener.book.last > 50, 20)
    filler = world.state() / "filler"
    _fill(filler)
    bitten = seconds_until(lambda: agent.says("cannot be written"), 30) < math.inf
    time.sleep(10)  # at 1,000 messages/s more than memory may hold
    lived, told = agent.lives, _told_trouble(listener.health)
    before = listener.book.last
    filler.unlink()
    again_s = seconds_until(lambda: listener.book.last > before, 20)
    seconds_until(lambda: listener.health[-1]["outbox"]["trouble"] is None, 5)
    counted = listener.health[-1]["outbox"]["dropped"]
    stopped_s = agent.stopped_after_s()
    drained = world.drain(broker.port)
    return [
        Check("the disk refused", bitten, bitten),
        Check("lived on", lived, lived),
        Check("named in health", told, told),
        at_most("delivering again after", again_s, 5.0, " s"),
        Check("dropped, by the agent's count", counted, counted > 0),
        Check("by the gap markers", listener.book.dropped, listener.book.dropped == counted),
        none("neither delivered nor accounted for", listener.book.missing()),
        none("first deliveries out of order", listener.book.out_of_order),
        at_most("stopped after", stopped_s, 5.0, " s"),
        Check("delivered to the end", drained, drained),
    ]


@injection(
    f"disk ({OWN_MIB} MiB) filled by the outbox itself while the broker is away",
    "no crash, drops counted, drained without anybody's help",
)
def filled_disk(world: World) -> list[Check]:
    with small_disk(world.state(), OWN_MIB):
        return _fill_by_itself(world)


def _fill_by_itself(world: World) -> list[Check]:
    broker, port = world.broker(), free_port()
    listener = world.listen(broker.port)
    agent = world.start(world.tree(port, world.live(500)))
    bitten = seconds_until(lambda: agent.says("cannot be written"), 60) < math.inf
    time.sleep(5)
    lived = agent.lives
    world.stack.enter_context(Proxy(broker.port, port))
    back_s = seconds_until(lambda: listener.book.last, 60)
    reached = listener.book.last
    drained_s = seconds_until(lambda: listener.health and _well_again(listener.health[-1]), 60)
    moved = listener.book.last - reached
    agent.stopped_after_s()
    drained = world.drain(port)
    return [
        Check("the disk refused", bitten, bitten),
        Check("lived on", lived, lived),
        Check("connected again after s", back_s, back_s < math.inf),
        Check("well again after s", drained_s, drained_s < math.inf),
        Check("delivered meanwhile", moved, moved > 1000),
        Check("dropped, by gap markers", listener.book.dropped, listener.book.dropped > 0),
        none("neither delivered nor accounted for", listener.book.missing()),
        Check("delivered to the end", drained, drained),
    ]


def _well_again(health: dict[str, Any]) -> bool:
    return bool(health["outbox"]["trouble"] is None and health["outbox"]["depth"] < 1000)


def _told_trouble(health: list[dict[str, Any]]) -> bool:
    return bool(health) and bool(health[-1]["outbox"]["trouble"])


def _fill(path: Path) -> None:
    """Takes every block that root may have."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, PAGE, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


# -- files that cannot be read ----------------------------------------------------------


def _overwritten(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def _cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 + 100)


def _pages_zeroed(file: Path) -> None:
    """Every second page in the middle of the file, as a disk loses blocks."""
    content = bytearray(file.read_bytes())
    for at in range(4 * PAGE, len(content) - PAGE, 2 * PAGE):
        content[at : at + PAGE] = bytes(PAGE)
    file.write_bytes(content)


CORRUPTIONS: dict[str, Callable[[Path], None]] = {
    "overwritten": _overwritten,
    "cut short": _cut_short,
    "pages zeroed": _pages_zeroed,
}


@injection(
    "corrupt outbox file: overwritten, cut short, pages zeroed",
    "set aside, new epoch, started within 5 s",
    short=True,
)
def corrupt(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    checks: list[Check] = []
    for name, spoil in CORRUPTIONS.items():
        state = _with_messages(world, name.replace(" ", "-"))
        old = kept(state).epoch
        spoil(state / "outbox.sqlite")
        agent = world.start(world.tree(broker.port, world.live(100), name=state.name))
        ready_s = agent.ready_after_s()
        again = seconds_until(functools.partial(_goes_on, listener, old), 10) < math.inf
        agent.stopped_after_s()
        aside = list(state.glob("outbox.sqlite.unreadable-*"))
        checks += [
            at_most(f"{name}: ready after", ready_s, 5.0, " s"),
            Check(f"{name}: set aside", len(aside), len(aside) >= 1),
            Check(f"{name}: delivers in a new epoch", again, again),
        ]
    return checks


def _goes_on(listener: Listener, old: str) -> bool:
    return bool(listener.epochs) and listener.epochs[-1] != old and listener.book.last > 20


def _with_messages(world: World, name: str, messages: int = 1000) -> Path:
    """The state directory of an agent that was stopped with so many messages to deliver."""
    state = world.state(name)
    tree = world.tree(free_port(), world.recorded(messages), name=name)
    agent = world.start(tree)
    seconds_until(lambda: last_kept(state) >= messages, 60)
    agent.stopped_after_s()
    return state


# -- messages that the broker does not take -----------------------------------------------

LARGEST = 20_000
CHANGES = {300: ("drsn/box/live/window", bytes(10 * LARGEST)), 600: ("secret/window", b"{}")}


@injection(
    "one oversize and one forbidden message among 1,000",
    "998 delivered, 2 parked and named",
    short=True,
)
def refused(world: World) -> list[Check]:
    acl = world.folder / "acl"
    acl.write_text("topic readwrite drsn/#\n")
    acl.chmod(0o600)
    broker = world.broker(f"acl_file {acl}\nmax_packet_size {LARGEST}\n")
    listener = world.listen(broker.port)
    state = _with_messages(world, "box")
    _change(state / "outbox.sqlite", CHANGES)
    agent = world.start(world.tree(broker.port, world.live(10)))
    took_s = seconds_until(lambda: listener.book.last >= 1000, 30)
    seconds_until(lambda: listener.health and listener.health[-1]["outbox"]["parked"] == 2, 5)
    counted = listener.health[-1]["outbox"]["parked"]
    agent.stopped_after_s()
    named = [seq for seq in CHANGES if agent.says(rf"message {seq} set aside")]
    delivered = [seq for seq in listener.book.digests if seq <= 1000]
    return [
        Check("delivered of 1,000", len(delivered), len(delivered) == 998),
        Check("named in the log", named, named == list(CHANGES)),
        Check("parked, by health", counted, counted == 2),
        Check("kept to look at", kept(state).parked, len(kept(state).parked) == 2),
        Check("took s", took_s, took_s < math.inf),
        none("first deliveries out of order", listener.book.out_of_order),
    ]


def _change(file: Path, changes: dict[int, tuple[str, bytes]]) -> None:
    """Other topics and payloads under the same numbers."""
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        for seq, (topic, payload) in changes.items():
            row = db.execute(
                "SELECT retain, qos, put_s, first, lost FROM message WHERE seq = ?", [seq]
            )
            rest = row.fetchone()
            db.execute("DELETE FROM message WHERE seq = ?", [seq])
            values = (seq, topic, payload, *rest)
            db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
