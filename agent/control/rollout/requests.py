"""What the agent is to do: handed over in the state directory, or announced over MQTT."""

import collections
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.config.rollout import Rollout
from agent.control.rollout.download import Later, fetch
from agent.core import files
from agent.core.backoff import Backoff
from agent.core.errors import UserError
from agent.core.types import Message
from agent.inference import model_store
from agent.inference.bundle import older
from agent.messages import announcement
from agent.messages.announcement import Announcement

BACKOFF_S = (1.0, 300.0)
MOST_WAITING = 100  # announcements that wait for the main thread
MOST_NAMES = 100

log = logging.getLogger("drsn.rollout")


@dataclass(frozen=True)
class UpdateRequest:
    """One thing to do."""

    name: str  # of the model
    verb: str  # install, downgrade, back
    file: Path | None = None  # that was handed over
    announced: Announcement | None = None

    @property
    def told(self) -> str:
        """For messages."""
        if self.announced is not None:
            return f"{self.name} {self.announced.version} as announced"
        return self.file.name if self.file else self.name


class UpdateQueue:
    """`heard` is for the sender thread, `data` for the errand, the rest for the main thread."""

    def __init__(self, rollout: Rollout, state_dir: Path) -> None:
        self._keys = rollout
        self._state_dir = state_dir
        self._heard: collections.deque[Announcement] = collections.deque(maxlen=MOST_WAITING)
        self._announced: dict[str, tuple[Announcement, float]] = {}  # by name; not before then
        self._backoffs: dict[str, Backoff] = {}

    def heard(self, _topic: str, payload: bytes, _retained: bool) -> Sequence[Message]:
        """An announcement; an empty one takes back nothing that has begun."""
        if payload:
            try:
                self._heard.append(self._checked(announcement.read(payload)))
            except UserError as error:
                log.warning("%s", error)
        return ()

    def _checked(self, found: Announcement) -> Announcement:
        """One that may be fetched; `UserError`."""
        announcement.place(found, self._keys.source or "")
        if found.size > self._keys.max_mib * 2**20:
            raise UserError(f"announcement: size: found {found.size}, above rollout.max_mib")
        return found

    def back(self, name: str) -> UpdateRequest | None:
        """Whether that one is to go back."""
        for file, each, verb in model_store.orders(self._state_dir):
            if (each, verb) == (name, "back"):
                return UpdateRequest(name, verb, file)
        return None

    def next(self, usable: Callable[[str], bool]) -> UpdateRequest | None:
        """What is to be done first, by hand before announced; `usable`: whether a source has it."""
        for file, name, verb in model_store.orders(self._state_dir):
            return UpdateRequest(name, verb, file)
        self._sort(usable)
        now_s = time.monotonic()
        for name, (announced, due_s) in list(self._announced.items()):
            if now_s >= due_s:
                return UpdateRequest(name, "install", announced=announced)
        return None

    def data(self, request: UpdateRequest) -> bytes:
        """The bundle; `Later`, `UserError`."""
        if request.file is not None:
            return files.read_bounded(
                request.file, round(self._keys.max_mib * 2**20), "rollout.max_mib"
            )
        assert request.announced is not None
        assert self._keys.source is not None
        return fetch(request.announced, self._keys.source, self._state_dir)

    def later(self, request: UpdateRequest, error: Exception) -> bool:
        """Whether it is worth another try, some time later."""
        if not isinstance(error, Later) or request.announced is None:
            return False
        backoff = self._backoffs.setdefault(request.announced.sha256, Backoff(*BACKOFF_S))
        self._announced[request.name] = (request.announced, time.monotonic() + backoff.next_s())
        return True

    def done(self, request: UpdateRequest) -> None:
        """There is nothing more to do with it."""
        if request.file is not None:
            with contextlib.suppress(OSError):
                request.file.unlink(missing_ok=True)
                files.sync_folder(request.file.parent)
        if request.announced is not None:
            self._announced.pop(request.name, None)
            self._backoffs.pop(request.announced.sha256, None)

    def _sort(self, usable: Callable[[str], bool]) -> None:
        """Keeps of what was heard what is new and for us; the newest of a name counts."""
        while self._heard:
            each = self._heard.popleft()
            if not usable(each.name) or self._known(each):
                continue
            waits = self._announced.get(each.name)
            if waits is None or waits[0] != each:
                self._announced[each.name] = (each, 0.0)

    def _known(self, announced: Announcement) -> bool:
        """Whether it was refused before, is being tried, or is no newer than what runs."""
        standing = model_store.standing(self._state_dir, announced.name)
        if announced.sha256 in standing.refused:
            return True
        tried = [each for each in (standing.present, standing.candidate) if each]
        return any(
            each.bundle == announced.sha256 or older(announced.version, each.version)
            for each in tried
        )
