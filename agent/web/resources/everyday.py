"""What a running agent answers beside what it shows: events, set-up, backup, and what is done."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.control.alarm_requests import Acknowledge
from agent.control.command_context import CommandContext
from agent.jobs.labelled_clips import LabelledClips
from agent.web.http.request import Route
from agent.web.resources import clips, commissioning, configuration, dataset, setup
from agent.web.resources.backup import Backup
from agent.web.resources.events import EventResource
from agent.web.resources.sources import Sources


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The agent that the page is of."""

    agent: str  # its id
    state_dir: Path
    configuration: Path | None  # its file; None: a demonstration has none
    sources: Sources
    context: Callable[[], CommandContext]  # once the agent has started


def routes(around: Surroundings) -> list[Route]:
    labelled, context = LabelledClips(around.state_dir), around.context

    def acknowledge(source: str, by: str | None, answer: Callable[..., None]) -> None:
        context().alarms.add(Acknowledge(source=source, by=by), answer)

    events = EventResource(
        around.state_dir, around.sources, labelled, lambda: context().journal, acknowledge
    )
    every = [
        *events.routes(),
        *clips.routes(around.state_dir),
        commissioning.route(lambda: context().commissioning),
        setup.route(around.sources, lambda: context().commissioning.statuses(), labelled.labels),
        dataset.route(around.sources, labelled, lambda: _keeps_sound(context())),
    ]
    if around.configuration is not None:
        every += [
            configuration.route(around.configuration),
            Backup(around.agent, around.state_dir, around.configuration).route(),
        ]
    return every


def _keeps_sound(context: CommandContext) -> bool:
    """Unless the configuration says `evidence.audio: false`."""
    return context.clip_writer is None or context.clip_writer.audio
