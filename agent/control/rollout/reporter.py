"""Publishes how a roll-out stands. For the main thread."""

import time
from collections.abc import Callable

from agent.inference.model_store import Standing
from agent.messages.records import ShadowFigures

PERIOD_S = 60.0  # of a candidate's figures in the shadow

Publish = Callable[..., None]  # publish(model, **fields of the record `Rollout`)


class StatusReporter:
    """Sends a record for each step, and the figures of the shadow now and then."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._last_s = 0.0  # monotonic

    @property
    def due(self) -> bool:
        return time.monotonic() - self._last_s > PERIOD_S

    def report(
        self,
        standing: Standing,
        shadow: ShadowFigures | None = None,
        announced: str | None = None,
    ) -> None:
        """`announced`: the version that was announced, while it is fetched or refused."""
        self._last_s = time.monotonic()
        self._publish(
            standing.name,
            state=standing.state,
            why=standing.why,
            present=standing.present,
            candidate=standing.candidate,
            shadow=shadow,
            announced=announced,
        )
