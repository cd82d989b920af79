"""The process: its parts, threads, signals and the order of shutdown.

Source threads fill rings, the main thread scores what is due and puts it in the outbox, the
sender thread delivers. Shutdown goes the same way: the sources stop, the rings are scored to
their end, the outbox is delivered as far as time allows, and the sink says farewell.
SIGHUP reads the configuration again (`agent.service.reload`).
"""

import gc
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.acquisition.published_values import PublishedValues
from agent.config.load import Config
from agent.control.commissioning.commissioner import Commissioner
from agent.control.commissioning.requests import CommissioningRequests
from agent.control.rollout.requests import UpdateQueue
from agent.core.errors import UNREADABLE_DATA
from agent.core.types import Scored, Verdict
from agent.inference import memory
from agent.pipeline import window_scorer
from agent.pipeline.clip_keeper import ClipKeeper
from agent.pipeline.source_build import Runtime, WrapSource, open_unwrapped
from agent.pipeline.topology import Topology
from agent.service import notifications, rollout
from agent.service.alarm_keeper import AlarmKeeper
from agent.service.observer import Observer
from agent.service.publishing import Surroundings, open_publisher
from agent.service.reload import Reload
from agent.service.reload_requests import ReloadRequests
from agent.service.systemd import notify
from agent.service.threads import WorkerThreads
from agent.service.watchdog import Watchdog

CHECK_S = 0.1  # between two checks of sources, clips and the watchdog
LOOK_S = 0.25  # how often signals and sources are checked while no window is due
DRAIN_S = 1.5  # for sources to stop and rings to be scored, after a signal
JOIN_S = 0.5  # for the sources' threads to end, after that
DELIVER_S = 1.5  # for the outbox to be delivered, after that

log = logging.getLogger("drsn")


class Daemon:
    """One agent: construct it (`UserError` for what cannot run), then call `run` once."""

    def __init__(
        self,
        config: Config,
        *,
        reread: Callable[[], Config] | None = None,
        observers: Sequence[Observer] = (),
        wrap_source: WrapSource = open_unwrapped,
    ) -> None:
        """`reread` loads the configuration again on SIGHUP; None: it cannot be reloaded.

        `observers` see every scored window, in the main thread. `wrap_source` wraps each source
        when it is opened, e.g. to add noise in demos.
        """
        self._stopping = self._signalled = False
        self._check_s = 0.0  # monotonic time of the next check
        self._observers = observers
        self._wake = threading.Event()
        self._threads = WorkerThreads(self._wake.set)
        self._watchdog = Watchdog()
        updates_enabled = rollout.count_start(config)  # before any model is loaded
        updates = UpdateQueue(config.rollout, Path(config.agent.state_dir))
        requests = ReloadRequests()
        self._values = PublishedValues(config.mqtt, config.agent.id)
        runtime = Runtime(wake=self._wake.set, wrap_source=wrap_source, values=self._values)
        self._topology = Topology(config, runtime, self._threads.start_reader)
        self._clips = ClipKeeper(config)
        surroundings = self._surroundings(runtime, updates, None if reread is None else requests)
        self._publisher = open_publisher(config, surroundings)
        self._alarms = AlarmKeeper(config.alarms, surroundings.alarms, self._publisher)
        self._notifier = notifications.open_notifier(config)
        self._reload = Reload(requests, reread, self._topology, self._publisher)
        self._commissioner = self._build_commissioner(config, surroundings.commissioning)
        self._rollout = rollout.build_controller(
            config, self._topology, self._publisher, updates, enabled=updates_enabled
        )

    def _surroundings(
        self, runtime: Runtime, updates: UpdateQueue, requests: ReloadRequests | None
    ) -> Surroundings:
        """`requests` None: there is no configuration file to read again."""
        return Surroundings(
            pipelines=self._topology.pipelines,
            clock=runtime.clock,
            watchdog=self._watchdog,
            clip_writer=self._clips.clip_writer,
            updates=updates,
            reload_requests=requests,
        )

    def _build_commissioner(self, config: Config, requests: CommissioningRequests) -> Commissioner:
        state_dir = Path(config.agent.state_dir)
        return Commissioner(requests, self._topology, state_dir, self._publisher.announce)

    def run(self) -> int:
        """Runs until a signal, or until all sources have ended and all is delivered.

        Returns the exit code. `BrokenPipeError` where the reader of standard output has gone.
        """
        self._handle_signals()
        memory.unmap_code()  # before there are threads, which may be loading libraries
        gc.freeze()  # what building made stays: the collector need not look at it
        self._alarms.turn(self._topology.pipelines)  # as they stood, before anything is published
        sender = self._threads.start("sender", self._publisher.sender.run)
        self._values.begin(self._threads.start)
        if self._notifier is not None:
            self._threads.start("notifier", self._notifier.run)
        self._topology.start()
        clip_writer = self._start_clip_writer()
        for observer in self._observers:
            observer.start(self._publisher.context)
        notify("READY=1")
        for pipeline in self._topology.pipelines:
            log.info("%s: %s", pipeline.name, pipeline.describe())
        log.info("running with %d source(s)", len(self._topology.pipelines))
        self._threads.guard("scoring", self._score_until_done)
        self._end_sources()
        notify("STOPPING=1")
        for observer in self._observers:
            observer.close()
        self._clips.finish()
        self._rollout.close()
        if self._notifier is not None:
            self._notifier.finish()
        if clip_writer is not None:
            clip_writer.join(DRAIN_S)
        self._deliver(sender)
        return self._exit_code()

    @property
    def signalled(self) -> bool:
        """Whether a signal has asked it to end."""
        return self._signalled

    def _start_clip_writer(self) -> threading.Thread | None:
        writer = self._clips.clip_writer
        return None if writer is None else self._threads.start("recorder", writer.run)

    def _exit_code(self) -> int:
        if self._threads.output_closed:
            raise BrokenPipeError
        if self._threads.failure is not None:
            log.error("stopped: %s", self._threads.failure)
            return self._threads.exit_code
        if self._threads.damage is not None and not self._signalled:
            log.error("stopped: %s", self._threads.damage)
            return UNREADABLE_DATA
        log.info("stopped; %d message(s) left in the outbox", self._publisher.outbox.depth)
        return 0

    def _score_until_done(self) -> None:
        deadline_s = math.inf
        while not (self._threads.failure or self._topology.drained):
            if self._signalled and not self._stopping:
                self._stop()
                deadline_s = time.monotonic() + DRAIN_S
            if time.monotonic() > deadline_s:
                log.warning("gave up waiting for the sources to stop")
                break
            self._turn()
            if not self._stopping:
                self._reload.turn()
        if not self._stopping:
            self._check()  # a recording may have ended with a fault

    def _stop(self) -> None:
        self._stopping = True
        self._values.finish()
        self._topology.stop()

    def _end_sources(self) -> None:
        self._stop()
        for pipeline in self._topology.pipelines:
            pipeline.ring.close()
        self._threads.join_readers(JOIN_S)

    def _turn(self) -> None:
        """Scores the windows that are due, or waits for the next."""
        pipelines = self._topology.pipelines
        if self._publisher.outbox.crowded and all(pipeline.patient for pipeline in pipelines):
            self._wake.wait(LOOK_S / 10)  # recordings can wait for the disk; sensors cannot
            return
        with self._watchdog.scoring():
            scored = window_scorer.step(self._topology.scorers)
            self._rollout.after_step()
        for item in scored:
            self._publish(item)
        for item in scored:  # after the messages of all windows: it takes milliseconds
            self._publisher.measure(item, self._topology.by_name[item.source])
            self._commissioner.see(item, self._topology.by_name[item.source])
        if time.monotonic() >= self._check_s:
            self._check_s = time.monotonic() + CHECK_S
            self._check()
        if not scored:
            self._advance_rollout()
            self._wake.wait(max(0.0, self._check_s - time.monotonic()))
            self._wake.clear()

    def _check(self) -> None:
        """Does what no window waits for: clips, faults of sources, alarms, the watchdog."""
        self._clips.collect()
        for pipeline in self._topology.pipelines:
            if (fault := pipeline.fail()) is not None:
                self._publish(fault)
        self._commissioner.turn()
        self._alarms.turn(self._topology.pipelines)
        self._advance_rollout()
        self._report_progress()

    def _publish(self, scored: Scored) -> None:
        pipeline = self._topology.by_name[scored.source]
        if scored.event is not None:
            log.info("%s: %s", scored.source, _describe(scored, scored.event))
        clip = self._clips.note(scored, pipeline)
        self._alarms.see(scored, pipeline)
        self._publisher.put(scored, pipeline, pipeline.count(scored), clip)
        self._publisher.restate(pipeline)
        self._rollout.see(scored, pipeline)
        for observer in self._observers:
            observer.see(scored, pipeline)

    def _advance_rollout(self) -> None:
        with self._watchdog.scoring():
            late = any(
                pipeline.scorer.windower.late and not pipeline.patient
                for pipeline in self._topology.pipelines
            )
            self._rollout.turn(late)

    def _report_progress(self) -> None:
        """Tells the watchdog that this thread turns, and how long each source has been reading."""
        pipelines, now_s = self._topology.pipelines, time.monotonic()
        self._watchdog.main_turns(all(pipeline.alive(now_s) for pipeline in pipelines))
        for pipeline in pipelines:
            self._watchdog.source_reads(pipeline.name, pipeline.reader.reading_s)

    def _deliver(self, sender: threading.Thread) -> None:
        """Waits for the last acknowledgement; after a signal or a failure, only a short time."""
        deadline_s = math.inf
        self._publisher.sender.finish(math.inf)
        while sender.is_alive():
            if (self._signalled or self._threads.failure) and deadline_s == math.inf:
                self._publisher.sender.finish(DELIVER_S)
                deadline_s = time.monotonic() + 2 * DELIVER_S
            if time.monotonic() > deadline_s:
                log.warning("the sender does not stop; what it committed is on disk")
                return
            self._watchdog.main_turns(alive=True)
            sender.join(LOOK_S)
        self._publisher.close()

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self._reload.possible:
            signal.signal(signal.SIGHUP, self._on_signal)
        for number in (signal.SIGUSR1, signal.SIGUSR2):  # of other programs' habits
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, _frame: object) -> None:
        """Only takes a note: a handler that takes a lock may wait for its own thread.

        At a terminal, SIGHUP means that the terminal has gone.
        """
        if number == signal.SIGHUP and not os.isatty(0):
            self._reload.requests.add()
        else:
            self._signalled = True


def _describe(scored: Scored, event: Verdict) -> str:
    """A change of state for the log, e.g. `normal -> fault outer (0.97)`, and the first state."""
    before = scored.previous
    is_first = (before.decision, before.label) == (event.decision, event.label)
    change = "begins with" if is_first else f"{before.decision} ->"
    label = f" {event.label}" if event.label and event.label != event.decision else ""
    probability = "" if event.probability is None else f" ({event.probability:.2f})"
    flags = f" [{' '.join(scored.window.flags)}]" if scored.window.marks else ""
    return f"{change} {event.decision}{label}{probability}{flags}"
