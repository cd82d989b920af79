"""The page of one agent: turns scored windows into frames and sends them to browsers.

`see` is called by the main thread and only queues a window. A thread of the page does the rest,
and only for sources that a browser shows. A failure here is logged and does not end the agent.
"""

import collections
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.config import access
from agent.config.page import Page
from agent.control.command_context import CommandContext
from agent.core.errors import UserError
from agent.core.time import iso
from agent.core.types import Scored, Verdict
from agent.pipeline import serving
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web import recording_scoring
from agent.web.demo_controls import Setting
from agent.web.demo_harness import DemoHarness
from agent.web.frames import FrameBuilder
from agent.web.http import request, server, static_files
from agent.web.http.broadcast import Broadcaster
from agent.web.http.handlers import ServerContext
from agent.web.http.request import Route
from agent.web.http.stream import EventStream
from agent.web.observed.states import SourceStates
from agent.web.observed.waterfall import Waterfall
from agent.web.recording_scoring import ScoredTimeline
from agent.web.records import About, Event, PageState
from agent.web.resources import (
    demonstration,
    everyday,
    machine,
    overview,
    spectrum,
    trends,
    waterfall,
)
from agent.web.resources.sources import Sources

MAX_QUEUED = 256  # windows that wait for the page's thread; the oldest are dropped
MAX_EVENTS = 100  # the newest are kept

log = logging.getLogger("drsn.page")


class _QueuedWindow(msgspec.Struct, frozen=True):
    scored: Scored
    pipeline: SourcePipeline
    missing: int  # frames that the source had not delivered by then
    began_s: float  # Unix time of the window's first sample; 0 without an event


class Site:
    """An observer of the daemon (`agent.service.observer`)."""

    def __init__(
        self,
        page: Page,
        agent: str,
        state_dir: Path,
        *,
        configuration: Path | None = None,
        harness: DemoHarness | None = None,
    ) -> None:
        """`agent` is the agent's id, `configuration` its file, if it has one.

        `ConditionError` where the port is not available.
        """
        self._configuration = configuration
        self._command_context: CommandContext | None = None  # until `start`
        self._agent = agent
        self._pipelines: Sequence[SourcePipeline] = ()  # until `start`
        self._frame_builders: dict[str, tuple[SourcePipeline, FrameBuilder]] = {}
        self._harness = harness
        self._state_dir = state_dir
        self._broadcaster = Broadcaster()
        self._queue: collections.deque[_QueuedWindow] = collections.deque(maxlen=MAX_QUEUED)
        self._work = threading.Event()
        self._events: collections.deque[Event] = collections.deque(maxlen=MAX_EVENTS)
        self._event_count = 0
        self._states = SourceStates()
        self._waterfall = Waterfall()
        self._scoring = threading.Lock()
        self._building = threading.Lock()
        self._server = server.bind(page.address, page.port, self._context(page))

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Queues a window; never waits."""
        began_s = pipeline.timeline.unix_s(scored.window.first) if scored.event else 0.0
        self._queue.append(_QueuedWindow(scored, pipeline, pipeline.ring.missing, began_s))
        self._work.set()

    def start(self, context: CommandContext) -> None:
        """Starts to answer browsers; its `pipelines` may change while the agent runs."""
        self._command_context, self._pipelines = context, context.pipelines
        for name, work in (
            ("page", self._show_queued),
            ("page server", self._server.serve_forever),
        ):
            threading.Thread(target=work, name=name, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def state(self) -> PageState:
        """The state of the agent, for a browser that opens the page."""
        harness = self._harness
        return PageState(
            agent=self._agent,
            sources=[self._about(pipeline) for pipeline in list(self._pipelines)],
            events=list(self._events),
            setting=None if harness is None else harness.controls.setting,
            noises=() if harness is None else harness.kinds,
            simulated=harness is not None and harness.simulated,
            states={name: (v.decision, v.label) for name, v in self._states.verdicts().items()},
        )

    def _context(self, page: Page) -> ServerContext:
        harness = self._harness
        token = access.token("page", page.token_file) if harness is None else harness.token
        stream = EventStream(self._broadcaster, self._names, self.state)
        routes = request.table(self._routes())
        return ServerContext(static_files.table(), routes, stream, token)

    def _routes(self) -> list[Route]:
        """What the server answers beside files and the stream."""
        sources, demo = Sources(lambda: list(self._pipelines)), self._harness is not None
        routes = [
            overview.route(self._agent, sources, self._states, demonstration=demo),
            machine.route(sources, self._states),
            spectrum.route(sources, self._states),
            waterfall.route(sources, self._waterfall),
            *trends.routes(sources, self._state_dir),
            *everyday.routes(self._surroundings(sources)),
        ]
        if self._harness is not None:
            routes += demonstration.routes(self._change, self._score)
        return routes

    def _surroundings(self, sources: Sources) -> everyday.Surroundings:
        return everyday.Surroundings(
            agent=self._agent,
            state_dir=self._state_dir,
            configuration=self._configuration,
            sources=sources,
            context=self._started,
        )

    def _started(self) -> CommandContext:
        assert self._command_context is not None  # nothing is answered before
        return self._command_context

    def _names(self) -> list[str]:
        return [pipeline.name for pipeline in list(self._pipelines)]

    def _change(self, changes: object) -> Setting:
        """Changes the setting of the demonstration for every browser."""
        assert self._harness is not None
        setting = self._harness.controls.change(changes)
        self._broadcaster.put("setting", msgspec.json.encode(setting))
        return setting

    def _score(self, file: Path, name: str, source: str) -> ScoredTimeline:
        """Scores a recording that was dropped on the page; one at a time, else `UserError`."""
        if not self._scoring.acquire(blocking=False):
            raise UserError(f"{name}: another recording is being scored, try again")
        try:
            return recording_scoring.score(file, name, self._pipeline(source))
        finally:
            self._scoring.release()

    def _pipeline(self, name: str) -> SourcePipeline:
        """The source of that name, or the first one."""
        return next(
            (pipeline for pipeline in self._pipelines if pipeline.name == name), self._pipelines[0]
        )

    def _frame_builder(self, pipeline: SourcePipeline) -> FrameBuilder:
        """The builder of the source's frames; a new one after the source was configured anew."""
        with self._building:  # once, however many browsers come at the same moment
            owner, builder = self._frame_builders.get(pipeline.name, (None, None))
            if builder is None or owner is not pipeline:
                file = serving.file_of(pipeline.settings.common.model, self._state_dir)
                builder = FrameBuilder(pipeline, self._harness, file)
                self._frame_builders[pipeline.name] = (pipeline, builder)
            return builder

    def _about(self, pipeline: SourcePipeline) -> About:
        contract, rival = pipeline.origin.contract, self._harness.rival if self._harness else None
        status = pipeline.reader.status()
        return About(
            name=pipeline.name,
            kind=pipeline.settings.common.kind,
            summary=pipeline.describe(),
            trouble=None if status == "ok" else status,
            labels=contract.labels,
            normal=contract.normal,
            rate_hz=contract.rate_hz,
            hop_s=pipeline.settings.common.hop_s,
            window_s=contract.window / contract.rate_hz,
            column_s=self._frame_builder(pipeline).column_s,
            model=f"{contract.name} {contract.version} ({contract.family})",
            layers=self._frame_builder(pipeline).layers,
            rival=None if rival is None else rival.contract.name,
        )

    def _show_queued(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while self._queue:
                try:
                    self._show(self._queue.popleft())
                except Exception:
                    log.exception("a window could not be shown")

    def _show(self, queued: _QueuedWindow) -> None:
        scored = queued.scored
        self._states.note(scored, queued.began_s, time.time())
        self._waterfall.note(scored, time.time())
        if scored.event is not None:
            self._add_event(scored, scored.event, queued.began_s)
        if scored.window.samples.size and self._broadcaster.watched(scored.source):
            frame = self._frame_builder(queued.pipeline).frame(scored, queued.missing)
            self._broadcaster.put("frame", msgspec.json.encode(frame), scored.source)

    def _add_event(self, scored: Scored, event: Verdict, began_s: float) -> None:
        self._event_count += 1
        record = Event(
            id=self._event_count,
            source=scored.source,
            at=iso(began_s),
            decision=event.decision,
            label=event.label,
            probability=event.probability,
            previous=scored.previous.decision,
            flags=scored.window.flags,
        )
        self._events.append(record)
        self._broadcaster.put("event", msgspec.json.encode(record))
