"""The process: threads, signals and the order of shutdown. Nothing else knows them.

Source threads fill rings, the main thread scores what is due and puts it in the outbox, the
sender thread delivers. Shutdown runs down the same way: sources stop, the rings are scored to
their end, the outbox is delivered as far as time allows, and the sink says farewell.
SIGHUP has the configuration read again (`agent.service.reload`).
"""

import functools
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.acquisition.timestamps import WallClock
from agent.config.load import Config
from agent.core.types import Scored, SourceError
from agent.pipeline import window_scorer
from agent.pipeline.build import Runtime, open_unwrapped
from agent.pipeline.clip_keeper import ClipKeeper
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology
from agent.service import rollout
from agent.service.publisher import Publisher
from agent.service.reload import Reload
from agent.service.systemd import notify
from agent.service.watchdog import Watchdog

if TYPE_CHECKING:
    from agent.web.demo_harness import DemoHarness
    from agent.web.site import Site

LOOK_S = 0.25  # how often signals and sources are looked at while nothing is due
DRAIN_S = 1.5  # for sources to stop and rings to be scored, after a signal
JOIN_S = 0.5  # for sources' threads to end, after that
DELIVER_S = 1.5  # for the outbox to be delivered, after that

log = logging.getLogger("drsn")


class Daemon:
    """One agent. Build it (`ConfigError` for what cannot be run), then `run`."""

    def __init__(
        self,
        chosen: Config,
        reread: Callable[[], Config] | None = None,
        harness: "DemoHarness | None" = None,
    ) -> None:
        """`reread`: another configuration, on SIGHUP; `stage`: what a demonstration adds."""
        self._wake = threading.Event()
        self._stopping = False
        self._signalled = False
        self._failure: str | None = None
        self._unread = False  # standard output, since whoever read it has gone
        self._reading: list[threading.Thread] = []  # a source each
        self._watch = Watchdog()
        clock = WallClock()
        enabled = rollout.count_start(chosen)
        wrap = open_unwrapped if harness is None else harness.open
        runtime = Runtime(wake=self._wake.set, clock=clock, wrap_source=wrap)
        self._topology = Topology(chosen, runtime, self._begin)
        self._clip_keeper = ClipKeeper(chosen)
        turn, clip_writer = self._watch.sender_turns, self._clip_keeper.clip_writer
        self._reload = Reload(reread, self._topology, lambda: self._publisher.announce())
        ask = self._reload.ask if self._reload.possible else None
        updates = rollout.build_queue(chosen)
        self._publisher = Publisher(
            chosen, self._topology.pipelines, clock, turn, clip_writer, ask, updates.on_announcement
        )
        self._rollout = rollout.build_controller(
            chosen, self._topology, self._publisher, updates, enabled=enabled
        )
        self._page = _open_page(chosen, self._topology.pipelines, harness)

    def run(self) -> int:
        """Until every source has ended and all is delivered, or a signal; the exit code.

        `BrokenPipeError` where nobody reads standard output any longer.
        """
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
        if self._reload.possible:
            signal.signal(signal.SIGHUP, self._on_signal)
        sender = self._thread("sender", self._publisher.sender.run)
        self._topology.start()
        clip_writer = self._clip_keeper.clip_writer
        writer = None if clip_writer is None else self._thread("recorder", clip_writer.run)
        if self._page is not None:
            self._page.start()
        notify("READY=1")
        for pipeline in self._topology.pipelines:
            log.info("%s: %s", pipeline.name, pipeline.describe())
        log.info("running with %d source(s)", len(self._topology.pipelines))
        self._guarded("scoring", self._score_until_done)
        self._end_sources()
        notify("STOPPING=1")
        if self._page is not None:
            self._page.close()
        self._clip_keeper.finish()
        self._rollout.close()
        if writer is not None:
            writer.join(DRAIN_S)
        self._deliver(sender)
        if self._unread:
            raise BrokenPipeError
        if self._failure is not None:
            log.error("stopped: %s", self._failure)
            return 1
        log.info("stopped; %d message(s) left in the outbox", self._publisher.outbox.depth)
        return 0

    def _score_until_done(self) -> None:
        stop_by_s = math.inf
        while not (self._failure or self._topology.drained):
            if self._signalled and not self._stopping:
                self._stop()
                stop_by_s = time.monotonic() + DRAIN_S
            if time.monotonic() > stop_by_s:
                log.warning("gave up waiting for the sources to stop")
                break
            self._turn()
            if not self._stopping:
                self._reload.turn()

    def _end_sources(self) -> None:
        self._stop()
        for pipeline in self._topology.pipelines:
            pipeline.ring.close()
        by_s = time.monotonic() + JOIN_S
        for thread in self._reading:
            thread.join(max(by_s - time.monotonic(), 0.0))

    def _stop(self) -> None:
        self._stopping = True
        self._topology.stop()

    def _turn(self) -> None:
        """Scores what is due, or waits for it."""
        pipelines = self._topology.pipelines
        if self._publisher.outbox.crowded and all(pipeline.patient for pipeline in pipelines):
            self._wake.wait(LOOK_S / 10)  # recordings can wait for the disk; sensors cannot
            return
        with self._watch.scoring():
            scored = window_scorer.step(self._topology.scorers)
            self._rollout.after_step()
        for each in scored:
            self._tell(each)
        self._clip_keeper.collect()
        for pipeline in pipelines:
            if (fault := pipeline.fail()) is not None:
                self._tell(fault)
        with self._watch.scoring():
            late = any(
                pipeline.scorer.windower.late and not pipeline.patient for pipeline in pipelines
            )
            self._rollout.turn(late)
        now_s = time.monotonic()
        self._watch.main_turns(all(pipeline.alive(now_s) for pipeline in pipelines))
        for pipeline in pipelines:
            self._watch.source_reads(pipeline.name, pipeline.reader.reading_s)
        if not scored:
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _tell(self, scored: Scored) -> None:
        pipeline = self._topology.by_name[scored.source]
        if scored.event is not None:
            log.info("%s: %s", scored.source, _told(scored))
        evidence = self._clip_keeper.note(scored, pipeline)
        self._publisher.put(scored, pipeline, pipeline.count(scored), evidence)
        self._rollout.see(scored, pipeline)
        if self._page is not None:
            self._page.see(scored)

    def _deliver(self, sender: threading.Thread) -> None:
        """Waits for the last acknowledgement; after a signal or a failure not for long."""
        give_up_s = math.inf
        self._publisher.sender.finish(math.inf)
        while sender.is_alive():
            if (self._signalled or self._failure) and give_up_s == math.inf:
                self._publisher.sender.finish(DELIVER_S)
                give_up_s = time.monotonic() + 2 * DELIVER_S
            if time.monotonic() > give_up_s:
                log.warning("the sender does not stop; what it committed is on disk")
                return
            self._watch.main_turns(alive=True)
            sender.join(LOOK_S)

    def _begin(self, pipeline: SourcePipeline) -> None:
        read = functools.partial(pipeline.reader.run, pipeline.stopping)
        alive = [thread for thread in self._reading if thread.is_alive()]
        self._reading = [*alive, self._thread(f"source {pipeline.name}", read)]

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        guarded = functools.partial(self._guarded, name, work)
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """Does the work; its failure ends the process in good order, with its reason."""
        try:
            work()
        except BaseException as error:
            if name == "sender" and isinstance(error, BrokenPipeError) and not self._failure:
                self._unread = True
            if not isinstance(error, SourceError | BrokenPipeError):
                log.exception("%s failed", name)
            self._failure = self._failure or f"{name}: {str(error) or type(error).__name__}"
            self._wake.set()

    def _on_signal(self, number: int, _frame: object) -> None:
        """Notes it and no more: a handler that takes a lock may find its own thread in it.

        At a terminal, SIGHUP says that it has gone.
        """
        if number == signal.SIGHUP and not os.isatty(0):
            self._reload.ask()
        else:
            self._signalled = True


def _open_page(
    chosen: Config, found: list[SourcePipeline], harness: "DemoHarness | None"
) -> "Site | None":
    """Where one is configured; nothing of it is loaded elsewhere."""
    if chosen.page is None:
        return None
    from agent.web.site import Site

    return Site(chosen.page, found, harness, Path(chosen.agent.state_dir))


def _told(scored: Scored) -> str:
    state = scored.event
    assert state is not None
    label = f" {state.label}" if state.label and state.label != state.decision else ""
    sure = "" if state.probability is None else f" ({state.probability:.2f})"
    why = f" [{' '.join(scored.window.flags)}]" if scored.window.marks else ""
    return f"{scored.previous.decision} -> {state.decision}{label}{sure}{why}"
