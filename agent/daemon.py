"""The process: threads, signals, watchdog and the order of shutdown. Nothing else knows them.

Source threads fill rings, the main thread scores what is due and puts it in the outbox, the
sender thread delivers. Shutdown runs down the same way: sources stop, the rings are scored to
their end, the outbox is delivered as far as time allows, and the sink says farewell.
"""

import fcntl
import functools
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent import __version__, health, lanes, pipeline, wire
from agent.config import Config
from agent.core import Message, Scored, Sink, SourceError
from agent.errors import ConfigError
from agent.lanes import Lane
from agent.notify import notify
from agent.outbox import Outbox
from agent.sender import Sender
from agent.sinks.stdout import StdoutSink

LOOK_S = 0.25  # how often a signal is looked for while nothing is due
DRAIN_S = 1.5  # for sources to stop and rings to be scored, after a signal
DELIVER_S = 1.5  # for the outbox to be delivered, after that

log = logging.getLogger("drsn")


class Daemon:
    """One agent. Build it (`ConfigError` for what cannot be run), then `run`."""

    def __init__(self, chosen: Config) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()  # set in the main loop, read by source threads
        self._signalled = False
        self._failure: str | None = None
        self._began_s = time.monotonic()
        self._topics = wire.Topics(chosen.mqtt.base, chosen.agent.id)
        self._lanes = lanes.build(chosen, self._wake.set)
        self._by_name = {lane.settings.common.name: lane for lane in self._lanes}
        self._channels = [lane.channel for lane in self._lanes]
        self._outbox, self._lock = _open_outbox(chosen)
        sink = self._open_sink(chosen)
        self._sender = Sender(self._outbox, sink, lambda: self._health(sink), chosen.agent.health_s)

    def run(self) -> int:
        """Until every source has ended and all is delivered, or a signal; the exit code."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
        sender = self._thread("sender", self._sender.run)
        for lane in self._lanes:
            pump = functools.partial(lane.pump, self._stopping)
            self._thread(f"source {lane.settings.common.name}", pump)
        notify("READY=1")
        log.info("running with %d source(s)", len(self._lanes))
        self._score_until_done()
        notify("STOPPING=1")
        self._deliver(sender)
        if self._failure is not None:
            log.error("stopped: %s", self._failure)
            return 1
        log.info("stopped; %d message(s) left in the outbox", self._outbox.depth)
        return 0

    # -- the main thread --------------------------------------------------------------

    def _score_until_done(self) -> None:
        stop_by_s = math.inf
        while not (self._failure or all(lane.drained for lane in self._lanes)):
            if self._signalled and not self._stopping.is_set():
                self._stopping.set()
                stop_by_s = time.monotonic() + DRAIN_S
            if time.monotonic() > stop_by_s:
                log.warning("gave up waiting for the sources to stop")
                break
            if not self._score():
                self._wake.wait(LOOK_S)
                self._wake.clear()
        self._stopping.set()
        for lane in self._lanes:
            lane.ring.close()

    def _score(self) -> int:
        """Scores what is due; how many windows that were."""
        scored = pipeline.step(self._channels)
        for each in scored:
            lane = self._by_name[each.source]
            latency_s = lane.count(each)
            if each.event is not None:
                log.info("%s: %s", each.source, _told(each))
            for topic in _topics_of(each, lane):
                self._put(topic, each, lane, latency_s)
        if scored:
            notify("WATCHDOG=1")
        return len(scored)

    def _put(self, topic: wire.Topic, scored: Scored, lane: Lane, latency_s: float) -> None:
        anchor_s = lane.ring.anchor_s or 0.0

        def make(epoch: str, seq: int) -> Message:
            stamp = wire.Stamp(epoch, seq, time.time(), latency_s)
            return wire.observation(topic, scored, lane.origin, anchor_s, stamp)

        self._sender.put(make)

    def _deliver(self, sender: threading.Thread) -> None:
        """Waits for the last acknowledgement; after a signal or a failure not for long."""
        hurried = False
        self._sender.finish(math.inf)
        while sender.is_alive():
            if (self._signalled or self._failure) and not hurried:
                hurried = True
                self._sender.finish(DELIVER_S)
                give_up_s = time.monotonic() + 2 * DELIVER_S
            if hurried and time.monotonic() > give_up_s:
                log.warning("the sender does not stop; its messages are on disk")
                return
            sender.join(LOOK_S)

    # -- what the constructor and the threads need --------------------------------------

    def _open_sink(self, chosen: Config) -> Sink:
        if chosen.agent.sink == "stdout":
            return StdoutSink()
        from agent.sinks.mqtt import MqttSink

        client_id = chosen.mqtt.client_id or f"drsn-{chosen.agent.id}"
        will = wire.status(self._topics, wire.OFFLINE)
        return MqttSink(chosen.mqtt, client_id, will, self._births)

    def _births(self) -> list[Message]:
        """What follows every connect."""
        sources = [lane.info() for lane in self._lanes]
        return [
            wire.status(self._topics, wire.ONLINE),
            wire.info(self._topics, __version__, self._outbox.epoch, time.time(), sources),
        ]

    def _health(self, sink: Sink) -> Message:
        return health.message(self._topics, self._lanes, self._outbox, sink, self._began_s)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Starts a thread whose failure ends the process, with its reason."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                if not isinstance(error, SourceError | BrokenPipeError):
                    log.exception("%s failed", name)
                self._failure = f"{name}: {error}"
                self._wake.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _on_signal(self, number: int, _frame: object) -> None:
        """Sets a flag and no more: a handler that takes a lock may find its own thread in it."""
        self._signalled = True


def _open_outbox(chosen: Config) -> tuple[Outbox, int | None]:
    """The outbox, and the lock that keeps a second agent out of its directory."""
    if chosen.agent.sink == "stdout":
        return Outbox(None), None
    folder = Path(chosen.agent.state_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return Outbox(folder / "outbox.sqlite"), lock
    except BlockingIOError:
        raise ConfigError(f"agent.state_dir: {folder} is in use by another agent") from None
    except OSError as error:
        reason = error.strerror
        raise ConfigError(f"agent.state_dir: {folder} cannot be written: {reason}") from None


def _topics_of(scored: Scored, lane: Lane) -> list[wire.Topic]:
    """What is published of a scored window."""
    windows: list[wire.Topic] = ["window"] if lane.settings.common.publish_windows else []
    events: list[wire.Topic] = [] if scored.event is None else ["event", "state"]
    return windows + events


def _told(scored: Scored) -> str:
    state = scored.event
    assert state is not None
    label = f" {state.label}" if state.label and state.label != state.decision else ""
    sure = "" if state.probability is None else f" ({state.probability:.2f})"
    why = f" [{' '.join(scored.window.flags)}]" if scored.window.marks else ""
    return f"{scored.previous.decision} -> {state.decision}{label}{sure}{why}"
