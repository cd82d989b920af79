"""What may watch a running agent, e.g. its page."""

from typing import Protocol

from agent.control.command_context import CommandContext
from agent.core.types import Scored
from agent.pipeline.source_pipeline import SourcePipeline


class Observer(Protocol):
    """Sees every scored window. Its methods are called by the main thread and must not wait."""

    def start(self, context: CommandContext) -> None:
        """Called once, before the first window, with the agent as commands see it.

        Its `pipelines` change while the agent runs.
        """

    def see(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Called for every scored window."""

    def close(self) -> None:
        """Called once, when the last window has been scored."""
