"""Keeps each source's alarm and maintenance, and takes each change down in the journal.

A source that is configured anew goes on as it stood; so does every source after a restart.
"""

import logging
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agent.config.alarms import Alarms
from agent.control.alarm_requests import Acknowledge, AlarmRequests, Answer, Maintain
from agent.core.alarms import AlarmEvent, Maintenance, Standing
from agent.core.time import iso, unix_s
from agent.core.types import Scored
from agent.delivery.journal.events import Acknowledgement, JournalEvent, Kind
from agent.delivery.journal.journal_file import StandingAlarm
from agent.pipeline.source_alarm import SourceAlarm
from agent.pipeline.source_pipeline import SourcePipeline
from agent.service import alarm_sentences
from agent.service.publisher import Publisher

CONFIGURED = "configuration"  # who began the maintenance that a key says
TAKEN_DOWN: tuple[AlarmEvent, ...] = ("raised", "eased", "ended", "maintenance")  # in the journal


log = logging.getLogger("drsn.alarms")


class AlarmKeeper:
    """For the main thread."""

    def __init__(
        self,
        defaults: Alarms,
        requests: AlarmRequests,
        publisher: Publisher,
    ) -> None:
        self._defaults = defaults
        self._requests = requests
        self._publisher = publisher
        self._journal = publisher.journal
        self._stood = {} if self._journal is None else self._journal.standings()
        self._alarms: dict[str, SourceAlarm] = {}

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Takes in a scored window, before it is published."""
        alarm, previous = self._of(pipeline), pipeline.standing
        event = alarm.see(scored)
        if event is not None:
            end = scored.window.first + scored.window.samples.shape[1]
            self._change(alarm, event, previous, iso(pipeline.timeline.unix_s(end)))

    def turn(self, pipelines: Sequence[SourcePipeline]) -> None:
        """Carries out requests, and ends the maintenance whose time is over."""
        for pipeline in pipelines:
            alarm = self._of(pipeline)
            if _is_over(pipeline.standing.maintenance):
                self._maintain(alarm, None)
        for request, answer in self._requests.take():
            self._carry_out(request, answer)
        for pipeline in pipelines:
            self._publisher.restate(pipeline)

    def _of(self, pipeline: SourcePipeline) -> SourceAlarm:
        """The source's; another one after the source was configured anew."""
        alarm = self._alarms.get(pipeline.name)
        if alarm is not None and alarm.pipeline is pipeline:
            return alarm
        stood = self._stood.pop(pipeline.name, Standing())
        standing = stood if alarm is None else alarm.pipeline.standing
        self._alarms[pipeline.name] = alarm = SourceAlarm(pipeline, self._defaults, standing)
        self._follow_key(alarm)
        return alarm

    def _follow_key(self, alarm: SourceAlarm) -> None:
        """Begins or ends the maintenance that the source's key says."""
        by_key = _by_key(alarm.pipeline.standing)
        if alarm.pipeline.settings.common.maintenance != by_key:
            now = iso(time.time())
            begun = Maintenance(since=now, until=None, by=CONFIGURED)
            self._maintain(alarm, None if by_key else begun)

    def _carry_out(self, request: Acknowledge | Maintain, answer: Answer) -> None:
        alarm = self._alarms.get(request.source)
        if alarm is None:
            answer(f"source: found {ascii(request.source)[:80]}, expected a source's name")
        elif isinstance(request, Acknowledge):
            self._acknowledge(alarm, request, answer)
        elif _by_key(alarm.pipeline.standing):
            answer("the source's key `maintenance` says so: change the configuration")
        else:
            until = None if request.until_s is None else iso(request.until_s)
            by = None if request.by == CONFIGURED else request.by
            begun = Maintenance(since=iso(time.time()), until=until, by=by)
            if request.on or alarm.pipeline.standing.maintenance is not None:
                self._maintain(alarm, begun if request.on else None)
            answer(until=until)

    def _acknowledge(self, alarm: SourceAlarm, request: Acknowledge, answer: Answer) -> None:
        previous, now = alarm.pipeline.standing, iso(time.time())
        if previous.basis is None:
            answer("the source has neither a warning nor an alarm")
            return
        event = alarm.acknowledge(now, request.by)
        if event is not None:  # else it was acknowledged before
            if self._journal is not None:
                self._journal.put(Acknowledgement(source=request.source, at=now, by=request.by))
            self._change(alarm, event, previous, now)
        answer(event_id=previous.basis.event_id)

    def _maintain(self, alarm: SourceAlarm, maintenance: Maintenance | None) -> None:
        previous = alarm.pipeline.standing
        event = alarm.maintain(maintenance)
        self._change(alarm, event, previous, iso(time.time()))
        self._publisher.announce()

    def _change(self, alarm: SourceAlarm, event: AlarmEvent, previous: Standing, now: str) -> None:
        pipeline = alarm.pipeline
        sentence = alarm_sentences.of(event, previous, pipeline.standing)
        if self._journal is not None:
            self._take_down(alarm, event, sentence, now)
        log.info("%s: %s", pipeline.name, sentence)

    def _take_down(self, alarm: SourceAlarm, event: AlarmEvent, sentence: str, now: str) -> None:
        """Puts a change in the journal, where it is an event, and how the alarm stands by it."""
        assert self._journal is not None
        pipeline, standing = alarm.pipeline, alarm.pipeline.standing
        if event in TAKEN_DOWN:
            entry = self._journal.add(_event(pipeline, event, sentence, now))
            if event in ("raised", "eased") and standing.basis is not None:
                basis = replace(standing.basis, event_id=entry.id)
                standing = replace(standing, basis=basis)
                alarm.keep(standing)
        record = msgspec.json.encode(standing).decode()
        self._journal.put(StandingAlarm(pipeline.name, record))


def _event(pipeline: SourcePipeline, event: AlarmEvent, sentence: str, now: str) -> JournalEvent:
    state, standing, stated = pipeline.scorer.decider.state, pipeline.standing, pipeline.stated
    basis = standing.basis
    kind: Kind = "maintenance" if event == "maintenance" else "alarm"
    raised_by = basis.reason if event == "raised" and basis else None
    return JournalEvent(
        id=0,
        t=now,
        source=pipeline.name,
        kind=kind,
        decision=state.decision,
        fault=state.label,
        alarm=standing.alarm,
        sentence=sentence,
        clip=stated.clip if stated is not None and raised_by == "decision" else None,
        acknowledged_at=basis.acknowledged_at if basis and kind == "alarm" else None,
        acknowledged_by=basis.acknowledged_by if basis and kind == "alarm" else None,
    )


def _is_over(maintenance: Maintenance | None) -> bool:
    if maintenance is None or maintenance.until is None:
        return False
    return unix_s(maintenance.until) <= time.time()


def _by_key(standing: Standing) -> bool:
    return standing.maintenance is not None and standing.maintenance.by == CONFIGURED
