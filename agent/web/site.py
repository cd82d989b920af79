"""The page of one agent: takes what was scored, makes frames of it, hands them to browsers.

`see` is called by the main thread and puts a window aside; a thread of the page's own does the
rest, and only for sources that somebody looks at. What fails here is logged and ends nothing.
"""

import collections
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.config.page import Page, token
from agent.core.errors import UserError
from agent.core.time import iso
from agent.core.types import Scored, Verdict
from agent.inference import variants
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web import recording_scoring, server
from agent.web.broadcast import Broadcaster
from agent.web.demo_harness import DemoHarness
from agent.web.frames import FrameBuilder
from agent.web.recording_scoring import ScoredTimeline
from agent.web.records import About, Event, PageState
from agent.web.server_context import ServerContext

ASIDE = 256  # windows that wait for the page's thread; the oldest go
EVENTS = 100  # that are remembered

log = logging.getLogger("drsn.page")


@dataclass(frozen=True)
class _Seen:
    scored: Scored
    pipeline: SourcePipeline
    missing: int  # frames that the source never delivered, so far
    began_s: float  # Unix time of the window's first sample, of events


class Site:
    """`see` is for the main thread; `start` and `close` are for whoever owns it."""

    def __init__(
        self, page: Page, agent: str, state_dir: Path, *, harness: DemoHarness | None = None
    ) -> None:
        """`agent` is the agent's id. `ConfigError` where the port cannot be had."""
        self._agent = agent
        self._pipelines: Sequence[SourcePipeline] = ()  # until `start`
        self._desks: dict[str, tuple[SourcePipeline, FrameBuilder]] = {}
        self._harness = harness
        self._state_dir = state_dir
        self._broadcaster = Broadcaster()
        self._aside: collections.deque[_Seen] = collections.deque(maxlen=ASIDE)
        self._work = threading.Event()
        self._events: collections.deque[Event] = collections.deque(maxlen=EVENTS)
        self._event_count = 0
        self._states: dict[str, Verdict] = {}
        self._scoring = threading.Lock()
        if harness is None:
            context = ServerContext(self._broadcaster, self.state, token(page))
        else:
            context = ServerContext(
                self._broadcaster, self.state, harness.token, harness.controls.change, self._score
            )
        self._server = server.bind(page.address, page.port, context)

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Takes note of a window; never waits."""
        began_s = pipeline.timeline.unix_s(scored.window.first) if scored.event else 0.0
        self._aside.append(_Seen(scored, pipeline, pipeline.ring.missing, began_s))
        self._work.set()

    def start(self, pipelines: Sequence[SourcePipeline]) -> None:
        """Starts to answer browsers; `pipelines` may change while the agent runs."""
        self._pipelines = pipelines
        for name, work in (("page", self._paint), ("page server", self._server.serve_forever)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def state(self) -> PageState:
        """Where everything stands."""
        harness = self._harness
        return PageState(
            agent=self._agent,
            sources=[self._about(pipeline) for pipeline in list(self._pipelines)],
            events=list(self._events),
            setting=None if harness is None else harness.controls.setting,
            noises=() if harness is None else harness.kinds,
            simulated=harness is not None and harness.simulated,
            states={name: (v.decision, v.label) for name, v in list(self._states.items())},
        )

    def _score(self, file: Path, name: str, source: str) -> ScoredTimeline:
        """A recording that somebody dropped; one at a time."""
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
        """Where its frames are made; a new one for a source that has been configured anew."""
        known = self._desks.get(pipeline.name)
        if known is None or known[0] is not pipeline:
            file = variants.served(pipeline.settings.common.model, self._state_dir)
            known = self._desks[pipeline.name] = (
                pipeline,
                FrameBuilder(pipeline, self._harness, file),
            )
        return known[1]

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

    def _paint(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while self._aside:
                try:
                    self._show(self._aside.popleft())
                except Exception:
                    log.exception("a window could not be shown")

    def _show(self, seen: _Seen) -> None:
        scored = seen.scored
        self._states[scored.source] = scored.event or scored.previous
        if scored.event is not None:
            self._tell(scored, scored.event, seen.began_s)
        if scored.window.samples.size and self._broadcaster.watched(scored.source):
            frame = self._frame_builder(seen.pipeline).frame(scored, seen.missing)
            self._broadcaster.put("frame", msgspec.json.encode(frame), scored.source)

    def _tell(self, scored: Scored, event: Verdict, began_s: float) -> None:
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
