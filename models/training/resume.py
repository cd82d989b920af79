"""The state of a training on disk, so that an interrupted training can go on."""

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

MAX_SHOWN = 60  # characters of a recipe's value in an error


@dataclass(frozen=True)
class Origin:
    """The training that a state belongs to. `data` is a digest of all samples that it uses."""

    recipe: Recipe
    data: str
    processes: int


@dataclass(frozen=True)
class StateFile:
    """The file of the state, and the number of steps between two saves."""

    path: Path
    every: int = 50

    def save(self, origin: Origin, state: State) -> None:
        """Writes the state durably; an interruption leaves the previous state."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        head = {"data": origin.data, "processes": origin.processes}
        whole = (
            io.BytesIO()
        )  # when torch writes the file itself, a full disk is an error without a name
        torch.save(head | {"recipe": msgspec.json.encode(origin.recipe), "state": state}, whole)
        files.write(self.path, whole.getbuffer())

    def load(self, origin: Origin) -> State | None:
        """The saved state, or None; raises UserError for the state of another training."""
        if not self.path.is_file():
            return None
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            recipe = msgspec.json.decode(stored["recipe"], type=Recipe)
            stored_origin = Origin(recipe, stored["data"], stored["processes"])
            state: State = stored["state"]
        except (*_DAMAGED, msgspec.MsgspecError):
            raise UserError(f"{self.path}: found no state of a training; {_ADVICE}") from None
        if stored_origin != origin:
            raise UserError(f"{self.path}: {_difference(stored_origin, origin)}; {_ADVICE}")
        return state

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Store:
    """The state file of one training; only the first of several processes uses it."""

    file: StateFile
    origin: Origin
    group: ProcessGroup

    def load(self) -> State | None:
        """The state to go on from, in every process; an error is raised in every process too."""
        state = self.group.from_first(self._load() if self.group.first else None)
        if isinstance(state, UserError):
            raise state
        return state

    def save(self, state: State) -> None:
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
    """The origin of this training; raises UserError where processes read other recordings."""
    digests = group.from_all(_digest(recordings, noisy))
    for rank, other in enumerate(digests):
        if other != digests[0]:
            raise UserError(
                f"found other recordings at process {rank} than at process 0, "
                "expected the same on every machine"
            )
    return Origin(recipe, digests[0], group.size)


def _digest(recordings: Sequence[Recording], noisy: Labelled) -> str:
    """A digest of all recordings in their order, and of the validation windows."""
    digest = hashlib.blake2b(digest_size=16)
    for recording in recordings:
        head = (recording.machine, recording.file, recording.label, recording.running)
        digest.update(f"{head}\n".encode())
        digest.update(recording.samples.data)
    digest.update(noisy.samples.data)
    digest.update(noisy.targets.data)
    digest.update(noisy.running.data)
    return digest.hexdigest()


def _difference(stored: Origin, origin: Origin) -> str:
    for name, key in zip(Recipe.__struct_fields__, Recipe.__struct_encode_fields__, strict=True):
        old, new = getattr(stored.recipe, name), getattr(origin.recipe, name)
        if old != new:
            return f"{key}: found {_show(old)} in this state's recipe, expected {_show(new)}"
    if stored.processes != origin.processes:
        return f"found a state of {stored.processes} processes, expected {origin.processes}"
    return "found a state from other recordings than there are now"


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
