"""Disks whose power is cut, that fail, or that stand still."""

import random
import subprocess
import time

from .failing_disk import FailingDisk
from .outcome import Check, at_most, injection, none
from .small_disk import small_disk
from .unit import Unit
from .world import World, kept, seconds_until

SYNC_S = 0.02  # of a flash memory
WATCHDOG_S = 10.0
DISK_MIB = 64


@injection(
    "power cut x 20 under load (500 messages/s): what was not synced (20 ms) is dropped or torn",
    "0 synced messages lost, no number given twice, integrity ok, one epoch",
    short=True,
)
def power_cuts(world: World) -> list[Check]:
    dice = random.Random(0)
    broker = world.broker()
    listener = world.listen(broker.port)
    disk = FailingDisk(world.state(), world.folder, SYNC_S)
    tree = world.tree(broker.port, world.live(500))
    ready_s, spoilt, unsynced, left = [], 0, 0, 0
    for _ in range(world.size(20, 2)):
        disk.begin()
        reached = listener.book.last
        agent = world.start(tree, environment=disk.environment)
        ready_s.append(agent.ready_after_s())
        seconds_until(lambda: listener.book.last > reached, 20)  # noqa: B023
        time.sleep(dice.uniform(0.0, 1.0))
        agent.kill()
        unsynced += disk.cut_power(dice)
        found = kept(world.state())
        spoilt += found.integrity != "ok"
        left += len(found.seqs)
    drained = world.drain(broker.port)
    book = listener.book
    return [
        Check("delivered to the end", drained, drained),
        Check("writes dropped or torn", unsynced, unsynced > 0),
        Check("messages on the disk after a cut, all together", left),
        none("files with an integrity error", spoilt),
        Check("epochs", len(listener.books), len(listener.books) == 1),
        Check("delivered", len(book.digests)),
        none("lost", book.missing()),
        none("numbers given twice", book.conflicts),
        at_most("ready after", max(ready_s), 5.0, " s"),
    ]


@injection(
    "disk that fails (EIO): 5 s of syncs, 10 s of writes, then kill -9",
    "no crash, drops counted, delivering again within 5 s, no number given twice",
)
def failing_disk(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    disk = FailingDisk(world.state(), world.folder)
    disk.begin()
    agent = world.start(world.tree(broker.port, world.live(500)), environment=disk.environment)
    seconds_until(lambda: listener.book.last > 50, 20)
    bitten = 0
    for what, lasts_s in (("sync", 5), ("write", world.size(10, 5))):
        disk.fail(what)
        time.sleep(lasts_s)
        bitten += bool(listener.health and listener.health[-1]["outbox"]["trouble"])
    lived, before = agent.lives, listener.book.last
    disk.fail("")
    again_s = seconds_until(lambda: listener.book.last > before, 20)
    seconds_until(lambda: listener.health[-1]["outbox"]["trouble"] is None, 5)
    counted = listener.health[-1]["outbox"]["dropped"]
    disk.fail("sync")
    time.sleep(1.0)
    agent.kill()
    disk.fail("")
    drained = world.drain(broker.port)
    book = listener.book
    return [
        Check("failures named in health", bitten, bitten == 2),
        Check("lived on", lived, lived),
        at_most("delivering again after", again_s, 5.0, " s"),
        Check("dropped, by the agent's count", counted),
        Check("by the gap markers", book.dropped, book.dropped == counted),
        Check("delivered to the end", drained, drained),
        Check("epochs", len(listener.books), len(listener.books) == 1),
        none("neither delivered nor accounted for", book.missing()),
        none("numbers given twice", book.conflicts),
    ]


@injection(
    "frozen filesystem (fsfreeze) for 5 s and for 40 s, in a unit with a watchdog",
    "5 s: it lives on; 40 s: windows again within watchdog + 5 s of its end; 0 lost",
)
def frozen_filesystem(world: World) -> list[Check]:
    with small_disk(world.state(), DISK_MIB):
        return _frozen(world)


def _frozen(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    unit = Unit(world, world.tree(broker.port, world.live(50)), WATCHDOG_S)
    seconds_until(lambda: len(listener.windows()) > 50, 20)
    again_s, ends = [], []
    for lasts_s in (5, world.size(40, 15)):
        subprocess.run(["fsfreeze", "--freeze", world.state()], check=True)
        try:
            time.sleep(lasts_s)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", world.state()], check=True)
        before = len(listener.windows())
        again_s.append(seconds_until(lambda: len(listener.windows()) > before + 20, 40))  # noqa: B023
        ends.append(len(unit.ends))
    unit.stop()
    drained = world.drain(broker.port)
    reasons = "; ".join(end.reason.split(": ", 1)[-1] for end in unit.ends)
    return [
        none("ends in 5 s", ends[0]),
        at_most("windows again after", again_s[0], 5.0, " s"),
        Check(f"ends in the longer time ({reasons})", ends[1], ends[1] <= 1),
        at_most("windows again after", again_s[1], WATCHDOG_S + 5, " s"),
        Check("delivered to the end", drained, drained),
        Check("epochs", len(listener.books), len(listener.books) == 1),
        none("lost", listener.book.missing()),
        none("numbers given twice", listener.book.conflicts),
    ]
