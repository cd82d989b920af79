"""What people ask of commissioning: by a command or on the page. The main thread carries it out."""

import collections
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.messages.commissioning import Commissioning

MOST = 100  # that wait; further ones are refused
MAX_MINUTES = 240.0
Action = Literal["start", "stop", "cancel", "status"]
Answer = Callable[..., None]  # answer(why=None, commissioning=...)


class CommissionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Starts, stops (and learns from what was heard), cancels, or asks how it stands."""

    action: Action
    source: Annotated[str, Meta(max_length=64)]
    minutes: Annotated[float, Meta(gt=0, le=MAX_MINUTES)] = 30.0  # of healthy signal
    false_alarms_per_month: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    extend: bool = False  # the baseline that is there grows


class CommissioningRequests:
    """`add` and `statuses` are for any thread, `take` and `show` for the main thread."""

    def __init__(self) -> None:
        self._waiting: collections.deque[tuple[CommissionRequest, Answer]] = collections.deque()
        self._statuses: dict[str, Commissioning] = {}

    def add(self, request: CommissionRequest, answer: Answer) -> None:
        """`answer` is called once, with the reason of a refusal or how commissioning stands."""
        if len(self._waiting) >= MOST:
            answer("too many requests wait")
            return
        self._waiting.append((request, answer))

    def take(self) -> list[tuple[CommissionRequest, Answer]]:
        """Removes all requests so far."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def statuses(self) -> dict[str, Commissioning]:
        """How the newest commissioning of each source stands, by source."""
        return dict(self._statuses)

    def show(self, status: Commissioning) -> None:
        self._statuses = self._statuses | {status.source: status}
