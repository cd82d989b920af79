"""A training's state on disk, whole or not at all, so that one that was interrupted goes on."""

import hashlib
import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from agent.core import files
from agent.core.errors import UserError
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.data.validation import Labelled
from models.training.distributed import ProcessGroup
from models.training.trainer import State

MOST_SHOWN = 60  # characters of a recipe's value in a complaint


@dataclass(frozen=True)
class Origin:
    """What a state belongs to. `data` is a digest of every sample that training looks at."""

    recipe: Recipe
    data: str
    processes: int


@dataclass(frozen=True)
class StateFile:
    """Where a state lies, and after how many steps it is saved again."""

    path: Path
    every: int = 50

    def save(self, origin: Origin, state: State) -> None:
        """On disk when it returns; an interruption leaves the state from before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        head = {"data": origin.data, "processes": origin.processes}
        whole = io.BytesIO()  # where torch writes itself, a full disk has no name
        torch.save(head | {"recipe": msgspec.json.encode(origin.recipe), "state": state}, whole)
        files.write(self.path, whole.getbuffer())

    def load(self, origin: Origin) -> State | None:
        """The state, or None where there is none; UserError for another training's."""
        if not self.path.is_file():
            return None
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            recipe = msgspec.json.decode(stored["recipe"], type=Recipe)
            found = Origin(recipe, stored["data"], stored["processes"])
            state: State = stored["state"]
        except (*_DAMAGED, msgspec.MsgspecError):
            raise UserError(f"{self.path}: found no state of a training; {_ADVICE}") from None
        if found != origin:
            raise UserError(f"{self.path}: {_difference(found, origin)}; {_ADVICE}")
        return state

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Store:
    """The state file of one training; with several processes the first one's disk holds it."""

    file: StateFile
    origin: Origin
    group: ProcessGroup

    def begun(self) -> State | None:
        """The state to go on from, in every process; UserError in every process likewise."""
        found = self.group.from_first(self._load() if self.group.first else None)
        if isinstance(found, UserError):
            raise found
        return found

    def keep(self, state: State) -> None:
        if self.group.first:
            self.file.save(self.origin, state)

    def _load(self) -> State | UserError | None:
        try:
            return self.file.load(self.origin)
        except UserError as error:
            return error


_DAMAGED = (KeyError, TypeError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError)
_ADVICE = "go on as it was started, or --fresh to begin anew"


def origin(
    recipe: Recipe, recordings: Sequence[Recording], noisy: Labelled, group: ProcessGroup
) -> Origin:
    """Of this training; UserError where processes do not look at the same recordings."""
    digests = group.from_all(_digest(recordings, noisy))
    for rank, other in enumerate(digests):
        if other != digests[0]:
            raise UserError(
                f"found other recordings at process {rank} than at process 0, "
                "expected the same on every machine"
            )
    return Origin(recipe, digests[0], group.size)


def _digest(recordings: Sequence[Recording], noisy: Labelled) -> str:
    """Another file, order or validation window is another digest."""
    found = hashlib.blake2b(digest_size=16)
    for recording in recordings:
        head = (recording.machine, recording.file, recording.label, recording.running)
        found.update(f"{head}\n".encode())
        found.update(recording.samples.data)
    found.update(noisy.samples.data)
    found.update(noisy.targets.data)
    found.update(noisy.running.data)
    return found.hexdigest()


def _difference(found: Origin, origin: Origin) -> str:
    for name in Recipe.__struct_fields__:
        old, new = getattr(found.recipe, name), getattr(origin.recipe, name)
        if old != new:
            return f"{name}: found {_show(old)} in this state's recipe, expected {_show(new)}"
    if found.processes != origin.processes:
        return f"found a state of {found.processes} processes, expected {origin.processes}"
    return "found a state from other recordings than there are now"


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
