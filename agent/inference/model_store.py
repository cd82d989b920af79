"""Files of the roll-out in the state directory, each written atomically.

models/incoming/NAME.install      a bundle that was ordered; NAME.downgrade and NAME.back too
models/NAME/standing.json         which model runs and which one is tried
models/NAME/SHA256/model.onnx     a model that a standing may name; card.md beside it
"""

import contextlib
import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import msgspec

from agent.core import files, json_input, state_directory
from agent.core.errors import ConditionError, UserError
from agent.inference.bundle import NAME

FOLDER, INCOMING, STANDING = "models", "incoming", "standing.json"
SCHEMA = "drsn-standing/1"
log = logging.getLogger("drsn.rollout")

MAX_MODEL_BYTES = 2**32  # rollout.max_mib allows no more
MAX_REFUSED = 50  # bundles that are remembered
Phase = Literal["idle", "shadow", "probation"]
Order = Literal["install", "downgrade", "back"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model's file in the store."""

    version: str
    sha256: str  # of the model file
    bundle: str  # sha256 of the bundle that it came in
    since: str  # when it was taken up


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the roll-out of the models of one name stands."""

    name: str
    schema: str = SCHEMA
    phase: Phase = "idle"
    present: Entry | None = None  # None: the zoo's
    previous: Entry | None = None  # to go back to; None: the zoo's
    candidate: Entry | None = None
    starts: int = 0  # of the process since the candidate was loaded first
    state: str = "idle"  # that was published last, and why
    why: str | None = None
    refused: tuple[str, ...] = ()  # bundles that no announcement may bring back

    def __post_init__(self) -> None:
        """`ValueError` for a phase without the model that is tried in it."""
        tried = {"shadow": self.candidate, "probation": self.present}
        if self.phase in tried and tried[self.phase] is None:
            raise ValueError(f"a model in the phase {self.phase}")

    @property
    def latest(self) -> Entry:
        """The candidate in the shadow, the present model else; `UserError` for the zoo's."""
        entry = self.candidate if self.phase == "shadow" else self.present
        if entry is None:
            raise UserError(f"{self.name}: found the zoo's model, expected one that was installed")
        return entry


def root(state_dir: Path) -> Path:
    return state_dir / FOLDER


def standing(state_dir: Path, name: str) -> Standing:
    """The standing of that name; an empty one where there is no file, or none that can be read."""
    try:
        data = files.read(root(state_dir) / name / STANDING, json_input.MAX_BYTES)
        return json_input.decode(data, Standing)
    except (OSError, json_input.JsonError):
        return Standing(name=name)


def set_broken_aside(state_dir: Path) -> None:
    """Renames standings that cannot be read; the zoo's models run then, and the log says so."""
    for file in root(state_dir).glob(f"*/{STANDING}"):
        try:
            json_input.decode(files.read(file, json_input.MAX_BYTES), Standing)
        except (OSError, json_input.JsonError) as error:
            log.error("%s: %s, %s: the zoo's model runs", file, error, files.set_aside(file))


def standings(state_dir: Path) -> list[Standing]:
    found = sorted(root(state_dir).glob(f"*/{STANDING}"))
    return [standing(state_dir, file.parent.name) for file in found]


def record(state_dir: Path, new: Standing) -> None:
    """Replaces the standing on disk: the one moment at which anything changes."""
    folder = root(state_dir) / new.name
    files.make_folder(folder)
    files.write(folder / STANDING, msgspec.json.format(msgspec.json.encode(new), indent=1))


def model_file(state_dir: Path, name: str, entry: Entry) -> Path:
    return root(state_dir) / name / entry.sha256 / "model.onnx"


def put(state_dir: Path, name: str, sha256: str, parts: dict[str, bytes]) -> None:
    """Writes the files into a folder that appears when all of them are on the disk."""
    folder = root(state_dir) / name / sha256
    new = folder.with_name(f"{sha256}.new")
    shutil.rmtree(new, ignore_errors=True)
    with contextlib.suppress(OSError):
        if hashlib.sha256(files.read(folder / "model.onnx", MAX_MODEL_BYTES)).hexdigest() == sha256:
            return
    shutil.rmtree(folder, ignore_errors=True)
    files.make_folder(new)
    for part, data in parts.items():
        files.write(new / part, data)
    new.rename(folder)
    files.sync_folder(folder.parent)


def sweep(state_dir: Path, current: Standing) -> None:
    """Removes the models that the standing does not name."""
    entries = (current.present, current.previous, current.candidate)
    named = {entry.sha256 for entry in entries if entry}
    for folder in (root(state_dir) / current.name).iterdir():
        if folder.is_dir() and folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)


def orders(state_dir: Path) -> Iterator[tuple[Path, str, Order]]:
    """(file, name, verb) of each order that lies in the state directory."""
    verbs: dict[str, Order] = {verb: verb for verb in get_args(Order)}
    with contextlib.suppress(FileNotFoundError):
        for file in sorted((root(state_dir) / INCOMING).iterdir()):
            name, _, verb = file.name.partition(".")
            if re.fullmatch(NAME, name) and verb in verbs:
                yield file, name, verbs[verb]


def put_order(state_dir: Path, name: str, verb: Order, data: bytes) -> None:
    """Orders something of the agent, from another process; `UserError`."""
    try:
        with state_directory.as_owner(state_dir):
            folder = root(state_dir) / INCOMING
            files.make_folder(folder)
            files.write(folder / f"{name}.{verb}", data)
    except OSError as error:
        raise ConditionError(f"agent.state_dir: {state_dir}: cannot be written: {error}") from None
