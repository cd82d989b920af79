"""The page of one agent: takes what was scored, makes frames of it, hands them to browsers.

`see` is called by the main thread and puts a window aside; a thread of the page's own does the
rest, and only for sources that somebody looks at. What fails here is logged and ends nothing.
"""

import collections
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.config.page import Page, token
from agent.core.errors import UserError
from agent.core.types import Scored, Verdict
from agent.inference import variants
from agent.messages import payloads
from agent.pipeline.source_pipeline import Lane
from agent.web import recording_scoring, server
from agent.web.broadcast import Hub
from agent.web.demo_harness import Stage
from agent.web.frames import Desk
from agent.web.recording_scoring import Timeline
from agent.web.records import About, Event, Stand
from agent.web.server_context import Door

ASIDE = 256  # windows that wait for the page's thread; the oldest go
EVENTS = 100  # that are remembered

log = logging.getLogger("drsn.page")


@dataclass(frozen=True)
class _Seen:
    scored: Scored
    lane: Lane
    missing: int  # frames that the source never delivered, so far
    began_s: float  # Unix time of the window's first sample, of events


class Site:
    """`see` is for the main thread; `start` and `close` are for whoever owns it."""

    def __init__(self, page: Page, lanes: list[Lane], stage: Stage | None, state_dir: Path) -> None:
        """`lanes` may change while the agent runs. `ConfigError` where the port cannot be had."""
        self._lanes = lanes
        self._desks: dict[str, tuple[Lane, Desk]] = {}
        self._stage = stage
        self._state_dir = state_dir
        self._hub = Hub()
        self._aside: collections.deque[_Seen] = collections.deque(maxlen=ASIDE)
        self._work = threading.Event()
        self._events: collections.deque[Event] = collections.deque(maxlen=EVENTS)
        self._told = 0
        self._states: dict[str, Verdict] = {}
        self._scoring = threading.Lock()
        if stage is None:
            door = Door(self._hub, self.stand, token(page))
        else:
            door = Door(self._hub, self.stand, stage.token, stage.knobs.turn, self._score)
        self._server = server.bind(page.address, page.port, door)

    def see(self, scored: Scored) -> None:
        """Takes note of a window; never waits."""
        lane = self._lane(scored.source)
        began_s = lane.timeline.unix_s(scored.window.first) if scored.event else 0.0
        self._aside.append(_Seen(scored, lane, lane.ring.missing, began_s))
        self._work.set()

    def start(self) -> None:
        for name, work in (("page", self._paint), ("page server", self._server.serve_forever)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def stand(self) -> Stand:
        """Where everything stands."""
        stage = self._stage
        return Stand(
            agent=self._lanes[0].origin.topics.agent,
            sources=[self._about(lane) for lane in list(self._lanes)],
            events=list(self._events),
            setting=None if stage is None else stage.knobs.setting,
            noises=() if stage is None else stage.kinds,
            simulated=stage is not None and stage.simulated,
            states={name: (v.decision, v.label) for name, v in list(self._states.items())},
        )

    def _score(self, file: Path, name: str, source: str) -> Timeline:
        """A recording that somebody dropped; one at a time."""
        if not self._scoring.acquire(blocking=False):
            raise UserError(f"{name}: another recording is being scored, try again")
        try:
            return recording_scoring.score(file, name, self._lane(source))
        finally:
            self._scoring.release()

    def _lane(self, name: str) -> Lane:
        """The source of that name, or the first one."""
        return next((lane for lane in self._lanes if lane.name == name), self._lanes[0])

    def _desk(self, lane: Lane) -> Desk:
        """Where its frames are made; a new one for a source that has been configured anew."""
        known = self._desks.get(lane.name)
        if known is None or known[0] is not lane:
            file = variants.served(lane.settings.common.model, self._state_dir)
            known = self._desks[lane.name] = (lane, Desk(lane, self._stage, file))
        return known[1]

    def _about(self, lane: Lane) -> About:
        contract, rival = lane.origin.contract, self._stage.rival if self._stage else None
        told = lane.intake.told()
        return About(
            name=lane.name,
            kind=lane.settings.common.kind,
            told=lane.told(),
            trouble=None if told == "ok" else told,
            labels=contract.labels,
            normal=contract.normal,
            rate_hz=contract.rate_hz,
            hop_s=lane.settings.common.hop_s,
            window_s=contract.window / contract.rate_hz,
            column_s=self._desk(lane).column_s,
            model=f"{contract.name} {contract.version} ({contract.family})",
            layers=self._desk(lane).layers,
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
        if scored.window.samples.size and self._hub.watched(scored.source):
            frame = self._desk(seen.lane).frame(scored, seen.missing)
            self._hub.put("frame", msgspec.json.encode(frame), scored.source)

    def _tell(self, scored: Scored, event: Verdict, began_s: float) -> None:
        self._told += 1
        told = Event(
            id=self._told,
            source=scored.source,
            at=payloads.iso(began_s),
            decision=event.decision,
            label=event.label,
            probability=event.probability,
            previous=scored.previous.decision,
            flags=scored.window.flags,
        )
        self._events.append(told)
        self._hub.put("event", msgspec.json.encode(told))
