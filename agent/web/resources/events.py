"""`/api/events`: the journal, and what a person says of its events.

A label takes the event's clip into the source's data set, from which `train` learns.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.core.errors import ConditionError, UserError
from agent.delivery.journal import reading
from agent.delivery.journal.events import (
    FALSE_ALARM,
    Annotation,
    JournalEvent,
    Label,
    Line,
)
from agent.delivery.journal.journal import Journal
from agent.delivery.journal.reading import Selection
from agent.jobs.labelled_clips import LabelledClips
from agent.web.http.request import RefusedError, Request, Route
from agent.web.resources import actions
from agent.web.resources.sources import Sources

MOST = 200
KINDS = ("all", "decision", "alarm", "maintenance")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and whether its clip is still there."""

    event: JournalEvent
    clip: str | None  # the file name of its clip


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    events: list[Shown]
    more: bool  # there are older ones
    sources: list[str]
    labels: list[str]  # to choose from: the models', and those that were given


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person says of an event; None: nothing."""

    id: int
    comment: Line | None = None
    label: Label | None = None
    acknowledge: bool = False  # the alarm of its source
    by: Label | None = None  # who


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    dataset: str | None  # the folder that the clip was taken into
    why: str | None  # why no clip was


Acknowledge = Callable[[str, str | None, actions.Answer], None]  # source, who, answer


class EventResource:
    """For any thread."""

    def __init__(
        self,
        state_dir: Path,
        sources: Sources,
        clips: LabelledClips,
        journal: Callable[[], Journal | None],
        acknowledge: Acknowledge,
    ) -> None:
        """`journal` None: the box keeps none."""
        self._state_dir = state_dir
        self._sources = sources
        self._clips = clips
        self._journal = journal
        self._acknowledge = acknowledge

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/events", self._list),
            Route("POST", "/api/event", self._judge),
        ]

    def _list(self, request: Request) -> Events:
        kind, most = request.choice("kind", KINDS), request.number("most", 50, 1, MOST)
        before = request.number("before", 0, 0, 999_999_999)
        selection = Selection(
            source=request.query.get("source") or None,
            kinds=() if kind == "all" else (kind,),  # type: ignore[arg-type]
            before_id=before or None,
            unacknowledged=request.choice("unacknowledged", ("no", "yes")) == "yes",
            most=most + 1,
        )
        events = self._read(selection)
        names = [pipeline.name for pipeline in self._sources.all()]
        return Events(
            events=[self._shown(event) for event in events[:most]],
            more=len(events) > most,
            sources=names,
            labels=self._labels(events, names),
        )

    def _judge(self, request: Request) -> Judged:
        judgement = actions.body(request, Judgement)
        events = self._read(Selection(id=judgement.id, most=1))
        if not events:
            raise RefusedError(404, f"id: found {judgement.id}, expected an event's number")
        event, journal = events[0], self._journal()
        assert journal is not None
        if judgement.acknowledge:
            actions.ask(lambda answer: self._acknowledge(event.source, judgement.by, answer))
        dataset, why = self._store(event, judgement.label)
        if judgement.comment is not None or judgement.label is not None:
            annotation = Annotation(id=event.id, comment=judgement.comment, label=judgement.label)
            journal.put(annotation)
        return Judged(dataset=dataset, why=why)

    def _store(self, event: JournalEvent, label: str | None) -> tuple[str | None, str | None]:
        """The data set that has the clip now, and why none has."""
        if label is None:
            return None, None
        name = self._shown(event).clip
        if name is None or not name.endswith(".flac"):
            return None, "the event has no clip with sound"
        folder = self._clips.folder(event.source)
        clip = self._state_dir / str(event.clip)
        try:
            self._clips.put(
                clip, event.source, self._trained(event.source, label), self._rpm(event)
            )
        except ConditionError as error:
            return None, str(error)
        return str(folder), None

    def _trained(self, source: str, label: str) -> str:
        """The label as training has it: an alarm that was none is of a healthy machine."""
        if label != FALSE_ALARM:
            return label
        normal = [
            name
            for pipeline in self._sources.all()
            if pipeline.name == source
            for name in pipeline.origin.contract.normal
        ]
        return (normal or ["normal"])[0]

    def _rpm(self, event: JournalEvent) -> float | None:
        speeds = [p.settings.common.rpm for p in self._sources.all() if p.name == event.source]
        return speeds[0] if speeds else None

    def _shown(self, event: JournalEvent) -> Shown:
        path = None if event.clip is None else self._state_dir / event.clip
        return Shown(event=event, clip=path.name if path is not None and path.is_file() else None)

    def _labels(self, events: list[JournalEvent], names: list[str]) -> list[str]:
        models = (p.origin.contract.labels for p in self._sources.all())
        used = [label for name in names for label in self._clips.labels(name)]
        given = [event.label for event in events if event.label]
        every = [*(label for labels in models for label in labels), *used, *given]
        return list(dict.fromkeys(every))

    def _read(self, selection: Selection) -> list[JournalEvent]:
        journal = self._journal()
        if journal is None:
            raise UserError("this agent keeps no journal of events")
        try:
            return reading.read(journal.path, selection)
        except ConditionError:
            return []  # it is made with the first event
