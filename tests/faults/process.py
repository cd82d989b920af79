"""Threads that hang, die or fail, and clocks that are set."""

import math
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from .listener import Listener
from .outcome import Check, Skip, at_most, injection, none
from .sensor import Sensor
from .unit import Unit
from .world import RATE_HZ, SABOTAGE, World, seconds_until

WATCHDOG_S = 10.0
HOP = 100  # frames, of a sensor's windows
STEPPED = Path(__file__).with_name("stepped.py")
FAKETIME = "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1"


@injection(
    "inference hangs",
    "process restarts by itself within watchdog + 5 s",
)
def hung_inference(world: World) -> list[Check]:
    kinds = ("hang_inference",) if world.quick else ("hang_inference", "hang_hard")
    return [check for kind in kinds for check in _sabotaged(world, kind)]


@injection(
    "sender thread killed, failing, hanging",
    "process restarts by itself within watchdog + 5 s",
)
def dead_sender(world: World) -> list[Check]:
    kinds = ("kill_sender", "fail_sender", "hang_sender")
    return [check for kind in kinds for check in _sabotaged(world, kind)]


@injection(
    "callback raises; inference raises",
    "process restarts by itself within watchdog + 5 s",
    short=True,
)
def raising_callback(world: World) -> list[Check]:
    kinds = ("fail_callback", "fail_inference")
    return [check for kind in kinds for check in _sabotaged(world, kind)]


def _sabotaged(world: World, kind: str) -> list[Check]:
    """Until windows flow again from a process that took the broken one's place."""
    broker = world.broker()
    listener = world.listen(broker.port)
    mark = world.folder / f"{kind}.done"
    tree = world.tree(broker.port, world.live(20), name=kind)
    program = (str(SABOTAGE), kind)
    unit = Unit(world, tree, WATCHDOG_S, program, SABOTAGED=str(mark))
    seconds_until(mark.exists, 20)
    broken_s = time.monotonic()
    seconds_until(lambda: unit.ends, 60)
    seconds_until(lambda: len(unit.agents) > 1, 5)
    again = seconds_until(lambda: _flows(unit, listener), 20) < math.inf
    took_s = time.monotonic() - broken_s if again else math.inf
    unit.stop()
    end = unit.ends[0] if unit.ends else None
    how = "never" if end is None else "watchdog" if end.missed_watchdog else f"exit {end.code}"
    reason = "" if end is None or end.missed_watchdog else f": {_told(end.reason)}"
    named = kind == "hang_hard" or (end is not None and bool(reason) and end.code > 0)
    return [
        at_most(f"{kind}: windows again after", took_s, WATCHDOG_S + 5, " s"),
        Check(f"{kind}: ended by", how + reason, named),
        Check(f"{kind}: restarts", len(unit.ends), len(unit.ends) == 1),
        none(f"{kind}: lost", listener.book.missing()),
        Check(f"{kind}: epochs", len(listener.books), len(listener.books) == 1),
    ]


@injection(
    "process stopped (SIGSTOP) for 15 s and for 25 s, as by a machine that sleeps",
    "it lives on, 0 lost, windows again within 5 s, a gap for the time",
)
def asleep(world: World) -> list[Check]:
    broker = world.broker()
    listener = world.listen(broker.port)
    watchdog = {"WATCHDOG_USEC": str(round(2e6 * WATCHDOG_S))}  # the unit's: 20 s
    agent = world.start(world.tree(broker.port, world.live(20)), environment=watchdog)
    _await_windows(listener, 40, 20)
    again_s = []
    for stopped_s in (15, 25) if not world.quick else (15,):
        agent.process.send_signal(signal.SIGSTOP)
        time.sleep(stopped_s)
        agent.process.send_signal(signal.SIGCONT)
        before = len(listener.windows())
        again_s.append(seconds_until(lambda: len(listener.windows()) > before + 20, 20))  # noqa: B023
    lived, stopped_after_s = agent.lives, agent.stopped_after_s()
    return [
        Check("lived on", lived, lived),
        at_most("windows again after", max(again_s), 5.0, " s"),
        none("lost", listener.book.missing()),
        none("numbers given twice", listener.book.conflicts),
        at_most("stopped after", stopped_after_s, 5.0, " s"),
    ]


def _flows(unit: Unit, listener: Listener) -> bool:
    ready = unit.agents[-1].notes.when("READY=1")
    windows = listener.windows()
    return bool(ready and windows) and windows[-1].received_s > ready[0]


def _told(line: str) -> str:
    """A line of the log without its time and level."""
    return line.split(": ", 1)[-1]


def _await_windows(listener: Listener, count: int, within_s: float) -> None:
    seconds_until(lambda: len(listener.windows()) > count, within_s)


@injection(
    "wall clock +1 h, then -2 h, while it runs",
    "sequence monotonic, no window lost",
    short=True,
)
def clock(world: World) -> list[Check]:
    stamp, environment = _stepping(world, monotonic=False)
    broker = world.broker()
    listener = world.listen(broker.port)
    agent = world.start(
        world.tree(broker.port, world.live(20)), program=(str(STEPPED),), environment=environment
    )
    for offset in ("+0", "+3600", "-3600"):
        stamp.write_text(offset)
        _await_windows(listener, len(listener.windows()) + world.size(200, 30), 30)
    told = listener.health[-1]["clock"] if listener.health else {}
    lived, stopped_s = agent.lives, agent.stopped_after_s()
    firsts = [w.first_sample for w in listener.windows()]
    starts = [np.datetime64(w.t_start.rstrip("Z")) for w in listener.windows()]
    jumps = [round(float((b - a) / np.timedelta64(1, "s"))) for a, b in pairwise(starts)]
    return [
        Check("lived on", lived, lived),
        Check("windows", len(firsts), len(firsts) > world.size(600, 90)),
        none("windows lost", [1 for a, b in pairwise(firsts) if b - a != 50]),
        none("sequence numbers lost", listener.book.missing()),
        none("out of order or twice", listener.book.out_of_order + listener.book.duplicates),
        Check("steps of t_start in s", [j for j in jumps if j], sum(map(bool, jumps)) == 2),
        Check("steps by health", told.get("steps"), told.get("steps") == 2),
        Check("synchronised by health", told.get("synchronised"), "synchronised" in told),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


@injection(
    "sleep: all clocks, the monotonic one too, stepped by 25 s and by 1 h",
    "it lives on, 0 lost, windows again within 5 s, the time missing in the index",
)
def slept(world: World) -> list[Check]:
    stamp, environment = _stepping(world, monotonic=True)
    broker = world.broker()
    listener = world.listen(broker.port)
    sensor = world.stack.enter_context(Sensor())
    watchdog = {"WATCHDOG_USEC": str(round(2e6 * WATCHDOG_S))}  # the unit's: 20 s
    agent = world.start(
        world.tree(broker.port, world.stream(sensor.port)), environment=environment | watchdog
    )
    _await_windows(listener, 30, 20)
    again_s = []
    for offset_s in (25, 25 + 3600):
        stamp.write_text(f"+{offset_s}")
        before = len(listener.windows())
        again_s.append(seconds_until(lambda: len(listener.windows()) > before + 20, 20))  # noqa: B023
    lived, stopped_s = agent.lives, agent.stopped_after_s()
    firsts = [window.first_sample for window in listener.windows()]
    missing_s = sum(b - a - HOP for a, b in pairwise(firsts)) / RATE_HZ
    return [
        Check("lived on", lived, lived),
        at_most("windows again after", max(again_s), 5.0, " s"),
        Check("missing in the index, s", missing_s, abs(missing_s - 3625) < 5),
        none("lost", listener.book.missing()),
        none("numbers given twice", listener.book.conflicts),
        none("first deliveries out of order", listener.book.out_of_order),
        at_most("stopped after", stopped_s, 5.0, " s"),
    ]


def _stepping(world: World, monotonic: bool) -> tuple[Path, dict[str, str]]:
    """A file whose content is the offset of an agent's clocks, and the environment for it."""
    library = Path(FAKETIME.format(os.uname().machine))
    if not library.exists():
        raise Skip("needs faketime")
    stamp = world.folder / "faketime"
    stamp.write_text("+0")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
    }
    return stamp, environment if monotonic else environment | {"DONT_FAKE_MONOTONIC": "1"}
