"""What the agent is to do: ordered in the state directory, or announced over MQTT."""

import collections
import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent.config.rollout import Rollout
from agent.core import files
from agent.core.backoff import Backoff
from agent.core.errors import Later, UserError
from agent.core.types import Message
from agent.inference import model_store
from agent.inference.bundle import older
from agent.inference.model_store import Order
from agent.messages import announcement as announcements
from agent.messages.announcement import Announcement

BACKOFF_S = (1.0, 300.0)
LOG_S = 60.0
MAX_RECEIVED = 100  # announcements that wait for the main thread; the oldest go

log = logging.getLogger("drsn.rollout")


class OrderedRequest(msgspec.Struct, frozen=True):
    """A bundle, or the order to go back, that lies in the state directory."""

    name: str  # of the model, here and below
    verb: Order
    file: Path

    @property
    def description(self) -> str:
        """For messages, here and below."""
        return self.file.name

    @property
    def announced_version(self) -> None:
        return None


class AnnouncedRequest(msgspec.Struct, frozen=True):
    """A bundle that was announced, and the place below which it is fetched."""

    announcement: Announcement
    source: str
    verb: Order = "install"

    @property
    def name(self) -> str:
        return self.announcement.name

    @property
    def description(self) -> str:
        return f"{self.name} {self.announced_version} as announced"

    @property
    def announced_version(self) -> str:
        return self.announcement.version


UpdateRequest = OrderedRequest | AnnouncedRequest


class Waiting(msgspec.Struct, frozen=True):
    """An announcement, and when it is tried next."""

    request: AnnouncedRequest
    due_s: float  # monotonic
    backoff: Backoff


class UpdateQueue:
    """`on_announcement` is for the sender thread, `read` for the background task.

    The rest is for the main thread; `discard` also for the task, on which that thread waits.
    """

    def __init__(self, rollout: Rollout, state_dir: Path) -> None:
        self._max_bytes = round(rollout.max_mib * 2**20)
        self._source = rollout.source
        self._state_dir = state_dir
        self._refused = 0  # announcements since the last line in the log
        self._logged_s = -math.inf
        self._received: collections.deque[AnnouncedRequest] = collections.deque(maxlen=MAX_RECEIVED)
        self._waiting: dict[str, Waiting] = {}  # by name; names that a source has, and no others

    def on_announcement(self, _topic: str, payload: bytes, _retained: bool) -> Sequence[Message]:
        """Notes it for the main thread; an empty one takes back nothing that has begun."""
        if payload and self._source is not None:
            try:
                announcement = announcements.read(payload)
                self._check(announcement, self._source)
                self._received.append(AnnouncedRequest(announcement, self._source))
            except UserError as error:
                self._refuse(error)
        return ()

    def _refuse(self, error: UserError) -> None:
        """Logs it, once in a while: anybody who may publish can send many."""
        self._refused += 1
        if (now_s := time.monotonic()) - self._logged_s > LOG_S:
            others = f" (and {self._refused - 1} more)" if self._refused > 1 else ""
            log.warning("%s%s", error, others)
            self._logged_s, self._refused = now_s, 0

    def _check(self, announcement: Announcement, source: str) -> None:
        """`UserError` for one that may not be fetched."""
        announcements.place(announcement, source)
        if (size := announcement.size) > self._max_bytes:
            expected = f"expected at most {self._max_bytes} (rollout.max_mib)"
            raise UserError(f"announcement: size: found {size}, {expected}")

    def going_back(self, name: str) -> UpdateRequest | None:
        """The order to end the trial of that model, if there is one."""
        for file, model, verb in model_store.orders(self._state_dir):
            if (model, verb) == (name, "back"):
                return OrderedRequest(name, verb, file)
        return None

    def next(self, used: Callable[[str], bool]) -> UpdateRequest | None:
        """The next request, an order before an announcement; `used`: whether a source has it."""
        for file, name, verb in model_store.orders(self._state_dir):
            return OrderedRequest(name, verb, file)
        self._sort(used)
        now_s = time.monotonic()
        due = (waiting.request for waiting in self._waiting.values() if now_s >= waiting.due_s)
        return next(due, None)

    def read(self, request: UpdateRequest) -> bytes:
        """The bundle; `Later`, `UserError`."""
        if isinstance(request, OrderedRequest):
            return files.read_bounded(request.file, self._max_bytes, "rollout.max_mib")
        from agent.control.rollout.download import fetch

        def ordered() -> bool:  # by a person, who does not wait for a download
            return any(True for _ in model_store.orders(self._state_dir))

        return fetch(request.announcement, request.source, self._state_dir, ordered)

    def postpone(self, request: UpdateRequest, error: Exception) -> bool:
        """Whether it is worth another try, some time later."""
        if not isinstance(error, Later) or isinstance(request, OrderedRequest):
            return False
        waiting = self._waiting.get(request.name)
        if waiting is not None and waiting.request == request:
            due_s = time.monotonic() + waiting.backoff.next_s()
            self._waiting[request.name] = msgspec.structs.replace(waiting, due_s=due_s)
        return True

    def discard(self, request: UpdateRequest) -> None:
        """There is nothing more to do with it."""
        if isinstance(request, OrderedRequest):
            with contextlib.suppress(OSError):
                request.file.unlink(missing_ok=True)
                files.sync_folder(request.file.parent)
        else:
            self._waiting.pop(request.name, None)

    def _sort(self, used: Callable[[str], bool]) -> None:
        """Keeps of what was received what is new and has a source; the newest of a name counts."""
        self._waiting = {name: waiting for name, waiting in self._waiting.items() if used(name)}
        while self._received:
            request = self._received.popleft()
            if not used(request.name) or self._outdated(request.announcement):
                continue
            waiting = self._waiting.get(request.name)
            if waiting is None or waiting.request != request:
                self._waiting[request.name] = Waiting(request, 0.0, Backoff(*BACKOFF_S))

    def _outdated(self, announcement: Announcement) -> bool:
        """Whether it was refused before, is being tried, or is no newer than what runs."""
        standing = model_store.standing(self._state_dir, announcement.name)
        if announcement.sha256 in standing.refused:
            return True
        entries = [entry for entry in (standing.present, standing.candidate) if entry]
        return any(
            entry.bundle == announcement.sha256 or older(announcement.version, entry.version)
            for entry in entries
        )
