"""Commissions sources while the agent runs: listens to their windows, learns, takes it into use.

The main thread only notes windows. What takes seconds (previews, the baseline itself) is done in a
thread of its own, one source after another, so neither the ring nor another source waits for it.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agent.control.commissioning.requests import Answer, CommissioningRequests, CommissionRequest
from agent.control.commissioning.session import PREVIEW_S, Session
from agent.core.background_task import BackgroundTask
from agent.core.errors import UserError
from agent.core.types import Scored
from agent.diagnosis.baseline import file
from agent.diagnosis.baseline.file import Baseline
from agent.diagnosis.baseline.preview import preview
from agent.messages.commissioning import Commissioning
from agent.pipeline import build
from agent.pipeline.commissioning import learning
from agent.pipeline.commissioning.healthy_windows import ENOUGH
from agent.pipeline.source_pipeline import SourcePipeline
from agent.pipeline.topology import Topology

MAX_WINDOWS = 100_000  # of one commissioning, for its memory
SHOWN_S = 1.0  # between two looks that others get

Result = TypeVar("Result")

log = logging.getLogger("drsn.commissioning")


class Commissioner:
    """For the main thread; others have `CommissioningRequests`."""

    def __init__(
        self,
        requests: CommissioningRequests,
        topology: Topology,
        state_dir: Path,
        announce: Callable[[], None],
    ) -> None:
        """`announce` publishes what the sources are, after a baseline was taken into use."""
        self._requests = requests
        self._topology = topology
        self._state_dir = state_dir
        self._announce = announce
        self._sessions: dict[str, Session] = {}
        self._task: BackgroundTask[None] | None = None  # one at a time
        self._working_on: Session | None = None
        self._show_due_s = 0.0

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Takes in a scored window, where its source is being commissioned."""
        session = self._sessions.get(scored.source)
        if session is not None and session.phase == "listening" and session.pipeline is pipeline:
            session.take(scored)

    def turn(self) -> None:
        """Carries out requests, and moves every session on."""
        for request, answer in self._requests.take():
            self._carry_out(request, answer)
        if self._task is not None and self._task.done:
            self._finish(self._task)
        for session in list(self._sessions.values()):
            self._move(session)
        now_s = time.monotonic()
        if now_s >= self._show_due_s:
            self._show_due_s = now_s + SHOWN_S
            for session in self._sessions.values():
                self._requests.show(session.status())

    def _carry_out(self, request: CommissionRequest, answer: Answer) -> None:
        pipeline = self._topology.by_name.get(request.source)
        if pipeline is None:
            answer(f"source: found {ascii(request.source)[:80]}, expected a source's name")
            return
        session, status = self._sessions.get(request.source), self._status(request.source)
        if request.action == "start":
            self._start(request, pipeline, session, answer)
        elif status is None:
            answer("found no commissioning of this source, expected action: start first")
        elif request.action == "status":
            answer(commissioning=status)
        elif session is None or session.phase == "learning":
            answer(f"found a commissioning that is {status.phase}, expected one that listens")
        elif request.action == "stop":
            session.waiting.append(answer)
            session.phase = "learning"
        else:
            session.phase = "cancelled"
            log.info("%s: commissioning cancelled", session.pipeline.name)
            self._end(session)
            answer(commissioning=session.status())

    def _status(self, source: str) -> Commissioning | None:
        """How the source's commissioning stands, or how the last one ended."""
        session = self._sessions.get(source)
        return self._requests.statuses().get(source) if session is None else session.status()

    def _start(
        self,
        request: CommissionRequest,
        pipeline: SourcePipeline,
        session: Session | None,
        answer: Answer,
    ) -> None:
        hop_s = pipeline.settings.common.hop_s
        most = MAX_WINDOWS * hop_s / 60
        if session is not None:
            answer("this source is being commissioned already")
        elif request.minutes > most:
            answer(f"minutes: found {request.minutes:g}, expected at most {most:.0f} at this hop_s")
        elif request.extend and not file.path(self._state_dir, request.source).is_file():
            answer("extend: found no baseline of this source, expected one: leave extend out")
        else:
            session = Session(request, pipeline)
            self._sessions[request.source] = session
            self._requests.show(session.status())
            log.info("%s: listens for %g min", pipeline.name, request.minutes)
            answer(commissioning=session.status())

    def _move(self, session: Session) -> None:
        """Begins what is due for a session, where no other one is worked on."""
        if session is self._working_on:
            return
        if self._topology.by_name.get(session.pipeline.name) is not session.pipeline:
            self._fail(session, "the source was configured anew or removed")
            return
        if session.phase == "listening" and session.complete:
            session.phase = "learning"
        if self._task is None and session.phase == "learning":
            self._learn(session)
        elif self._task is None and self._wants_preview(session):
            self._foresee(session)

    def _wants_preview(self, session: Session) -> bool:
        enough = session.healthy.signal.windows >= ENOUGH
        return enough and time.monotonic() >= session.preview_due_s

    def _foresee(self, session: Session) -> None:
        session.preview_due_s = time.monotonic() + PREVIEW_S
        pipeline, request = session.pipeline, session.request
        frame = build.frame(pipeline.settings, pipeline.origin.contract)
        signal = session.healthy.signal.features_until_now()
        per_month = request.false_alarms_per_month
        speed_known = pipeline.settings.common.speed_known
        self._work(
            session,
            lambda: list(preview(signal, frame, per_month, speed_known)),
            session.foresee,
        )

    def _learn(self, session: Session) -> None:
        """Windows come no more in this phase, so the thread may read what was heard."""
        request, pipeline = session.request, session.pipeline

        def learn() -> Baseline:
            baseline = learning.learn(
                session.healthy,
                pipeline,
                self._state_dir,
                request.false_alarms_per_month,
                extend=request.extend,
            )
            file.write(baseline, self._state_dir)
            return baseline

        def use(baseline: Baseline) -> None:
            if self._topology.by_name.get(pipeline.name) is not pipeline:
                raise UserError("the source was configured anew: its next start has the baseline")
            self._topology.commission(pipeline, baseline)
            session.conclude(baseline)
            for line in learning.report(baseline, session.healthy):
                log.info("%s: %s", pipeline.name, line)
            for line in learning.warnings(baseline, session.healthy):
                log.warning("%s: %s", pipeline.name, line)
            self._end(session)
            self._announce()

        self._work(session, learn, use)

    def _work(
        self, session: Session, work: Callable[[], Result], then: Callable[[Result], None]
    ) -> None:
        self._working_on = session
        self._task = BackgroundTask(work, then, "commissioning")

    def _finish(self, task: BackgroundTask[None]) -> None:
        session, self._task, self._working_on = self._working_on, None, None
        assert session is not None
        if session.ended:  # cancelled meanwhile
            return
        try:
            task.finish()
        except UserError as error:
            self._fail(session, str(error))
        except Exception as error:
            log.exception("%s: commissioning", session.pipeline.name)
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._fail(session, why)

    def _fail(self, session: Session, why: str) -> None:
        session.fail(why)
        log.warning("%s: commissioning failed: %s", session.pipeline.name, why)
        self._end(session)

    def _end(self, session: Session) -> None:
        """Leaves how it ended; what was heard takes megabytes."""
        del self._sessions[session.pipeline.name]
        self._requests.show(session.status())
        session.answer_all()
