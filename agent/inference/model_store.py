"""Files of the roll-out in the state directory, each there whole or not at all, whatever ends us.

models/incoming/NAME.install      a bundle that was handed over; NAME.downgrade, NAME.back too
models/NAME/standing.json         which model runs, which is tried: replaced at once, by rename
models/NAME/SHA256/model.onnx     what a standing may name; card.md beside it
"""

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from agent.core import files, json_input, state_directory
from agent.core.errors import UserError
from agent.inference.bundle import NAME

FOLDER, INCOMING, STANDING = "models", "incoming", "standing.json"
SCHEMA = "drsn-standing/1"
MOST_REFUSED = 50  # bundles that are remembered
Phase = Literal["idle", "shadow", "probation"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model's file in the store."""

    version: str
    sha256: str  # of the model file
    bundle: str  # sha256 of the bundle that it came in
    since: str  # when it was taken up


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand with the models of one name."""

    name: str
    schema: str = SCHEMA
    phase: Phase = "idle"
    present: Entry | None = None  # None: the zoo's
    previous: Entry | None = None  # to go back to; None: the zoo's
    candidate: Entry | None = None
    starts: int = 0  # of the process since the candidate was loaded first
    state: str = "idle"  # what was told last, and why
    why: str | None = None
    refused: tuple[str, ...] = ()  # bundles that are not to be tried again by themselves


def root(state_dir: Path) -> Path:
    return state_dir / FOLDER


def standing(state_dir: Path, name: str) -> Standing:
    """What is recorded; that of a name that nobody knows, where there is none that can be read."""
    try:
        data = (root(state_dir) / name / STANDING).read_bytes()
        return json_input.decode(data, Standing)
    except (OSError, json_input.JsonError):
        return Standing(name=name)


def standings(state_dir: Path) -> list[Standing]:
    found = sorted(root(state_dir).glob(f"*/{STANDING}"))
    return [standing(state_dir, file.parent.name) for file in found]


def record(state_dir: Path, new: Standing) -> None:
    """The one moment at which anything changes."""
    folder = root(state_dir) / new.name
    files.make_folder(folder)
    files.write(folder / STANDING, msgspec.json.format(msgspec.json.encode(new), indent=1))


def model_file(state_dir: Path, name: str, entry: Entry) -> Path:
    return root(state_dir) / name / entry.sha256 / "model.onnx"


def put(state_dir: Path, name: str, sha256: str, parts: dict[str, bytes]) -> None:
    """Those files, in a folder that appears when all of them are on the disk."""
    place = root(state_dir) / name / sha256
    fresh = place.with_name(f"{sha256}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with contextlib.suppress(OSError):
        if hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest() == sha256:
            return
    shutil.rmtree(place, ignore_errors=True)
    files.make_folder(fresh)
    for part, data in parts.items():
        files.write(fresh / part, data)
    fresh.rename(place)
    files.sync_folder(place.parent)


def sweep(state_dir: Path, kept: Standing) -> None:
    """Takes away what the standing does not name."""
    named = {each.sha256 for each in (kept.present, kept.previous, kept.candidate) if each}
    for place in (root(state_dir) / kept.name).iterdir():
        if place.is_dir() and place.name not in named:
            shutil.rmtree(place, ignore_errors=True)


def orders(state_dir: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, name, verb) of what was handed over."""
    with contextlib.suppress(FileNotFoundError):
        for file in sorted((root(state_dir) / INCOMING).iterdir()):
            name, _, verb = file.name.partition(".")
            if re.fullmatch(NAME, name) and verb in ("install", "downgrade", "back"):
                yield file, name, verb


def hand_over(state_dir: Path, name: str, verb: str, data: bytes) -> None:
    """For another process than the agent; `UserError`."""
    try:
        folder = root(state_dir) / INCOMING
        files.make_folder(folder)
        files.write(folder / f"{name}.{verb}", data)
        state_directory.own(state_dir, root(state_dir), folder, folder / f"{name}.{verb}")
    except OSError as error:
        raise UserError(f"agent.state_dir: {state_dir}: cannot be written: {error}") from None
