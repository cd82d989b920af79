"""Steps of a roll-out, each durable when it returns. The agent's own: one process, one at a time.

Whatever ends the process, `find` then gives the model that ran or the one that took its place.
"""

import contextlib
import hashlib
import logging
import os
import time
from pathlib import Path

from msgspec.structs import replace

from agent.core import model_contract, state_directory
from agent.core.errors import ConfigError, UserError
from agent.core.time import iso
from agent.inference import model_store, onnx_check, zoo
from agent.inference.bundle import Bundle, older
from agent.inference.model_store import Entry, Standing

log = logging.getLogger("drsn.rollout")


def find(state_dir: Path, model: str) -> Path:
    """The file that `model` means here: what was installed under that name, or the zoo's.

    A file that is not what was installed (a disk that rots) is passed over, for the previous one.
    """
    if model.endswith(".onnx") or "/" in model:
        return zoo.find(model)
    known = model_store.standing(state_dir, model)
    for entry in (known.present, known.previous if known.present else None):
        if entry is None:
            continue
        file = model_store.model_file(state_dir, model, entry)
        with contextlib.suppress(OSError):
            if hashlib.sha256(file.read_bytes()).hexdigest() == entry.sha256:
                return file
        log.error("%s: not what was installed: passed over", file)
    return zoo.find(model)


def begin(state_dir: Path, most_starts: int) -> bool:
    """Before anything is loaded: counts this start, and gives up what has spoilt too many.

    False where the disk does not take it: then nothing may be tried in this run.
    """
    if not model_store.root(state_dir).is_dir():
        return True
    os.close(state_directory.claim(state_dir))  # nobody else's business while another agent runs
    try:
        for file, name, verb in list(model_store.orders(state_dir)):
            if verb == "back":
                with contextlib.suppress(UserError):
                    go_back(state_dir, name)
                file.unlink()
        for known in model_store.standings(state_dir):
            if known.phase != "idle":
                _count(state_dir, known, most_starts)
    except OSError as error:
        log.error("no roll-out in this run: %s", error)
        return False
    return True


def _count(state_dir: Path, known: Standing, most_starts: int) -> None:
    if known.starts >= most_starts:
        why = f"the process ended {known.starts} times while {known.phase} lasted"
        refuse(state_dir, known.name, why)
    else:
        model_store.record(state_dir, replace(known, starts=known.starts + 1))


def admit(state_dir: Path, bundle: Bundle, lower: bool) -> Standing:
    """Makes it the candidate; `UserError` for one that may not be. `lower`: also an older one."""
    manifest, known = bundle.manifest, model_store.standing(state_dir, bundle.manifest.name)
    check_version(state_dir, bundle, lower)
    sha256 = hashlib.sha256(bundle.model).hexdigest()
    model_store.put(state_dir, manifest.name, sha256, bundle.parts)
    entry = Entry(
        version=manifest.version,
        sha256=sha256,
        bundle=bundle.sha256,
        since=iso(time.time()),
    )
    return _record(
        state_dir, known, phase="shadow", candidate=entry, starts=1, state="shadow", why=None
    )


def check_version(state_dir: Path, bundle: Bundle, lower: bool) -> None:
    """`UserError` for what runs already, and for what is not newer."""
    name, version = bundle.manifest.name, bundle.manifest.version
    try:
        now = find(state_dir, name).read_bytes()
    except ConfigError:
        return  # there is none of that name
    if now == bundle.model:
        raise UserError(f"{name} {version}: runs already")
    runs = version_of(now)
    if not lower and older(version, runs):
        raise UserError(
            f"{name}: found version {version}, expected one above {runs}, which runs "
            "(--allow-downgrade takes it nevertheless)"
        )


def first(state_dir: Path, bundle: Bundle) -> None:
    """The first model of a name that no zoo has: there is nothing to try it beside."""
    known = admit(state_dir, bundle, True)
    changes = {"phase": "idle", "candidate": None, "starts": 0, "state": "kept"}
    _record(state_dir, known, present=known.candidate, **changes)


def switch(state_dir: Path, name: str) -> Standing:
    """The candidate takes the present model's place, on probation."""
    known = model_store.standing(state_dir, name)
    assert known.candidate is not None
    present = replace(known.candidate, since=iso(time.time()))
    return _record(
        state_dir,
        known,
        phase="probation",
        present=present,
        previous=known.present,
        candidate=None,
        starts=1,
        state="switched",
    )


def settle(state_dir: Path, name: str) -> Standing:
    """Probation is over."""
    known = model_store.standing(state_dir, name)
    return _record(state_dir, known, phase="idle", starts=0, state="kept")


def refuse(state_dir: Path, name: str, why: str) -> Standing:
    """The candidate goes, or who is on probation goes back."""
    known = model_store.standing(state_dir, name)
    log.warning("%s: %s: %s", name, known.phase, why)
    if known.phase == "probation":
        return _back(state_dir, known, why)
    gone = (known.candidate.bundle,) if known.candidate else ()
    return _record(
        state_dir,
        known,
        phase="idle",
        candidate=None,
        starts=0,
        state="refused",
        why=why,
        refused=_with(known, gone),
    )


def forget(state_dir: Path, name: str, bundle: str, why: str) -> Standing:
    """A bundle that was never a candidate is not to be tried again by itself."""
    known = model_store.standing(state_dir, name)
    refused = _with(known, (bundle,))
    return _record(state_dir, known, state="refused", why=why, refused=refused)


def go_back(state_dir: Path, name: str) -> Standing:
    """By hand; `UserError` where there is nothing to go back from."""
    known = model_store.standing(state_dir, name)
    if known.phase == "shadow":
        return refuse(state_dir, name, "taken back by hand")
    if known.present is None:
        raise UserError(f"{name}: found the zoo's model, expected one that was installed")
    if known.previous is None and name not in zoo.released():
        raise UserError(f"{name}: found nothing before {known.present.version} to go back to")
    return _back(state_dir, known, "by hand")


def pause(state_dir: Path, name: str) -> None:
    """The process ends in good order: this start was not spoilt."""
    known = model_store.standing(state_dir, name)
    if known.phase != "idle":
        model_store.record(state_dir, replace(known, starts=0))


def version_of(model: bytes) -> str:
    """What a model file says; nothing, where it says nothing."""
    try:
        return model_contract.parse(onnx_check.metadata(model, ""), "").version
    except UserError:
        return ""


def _back(state_dir: Path, known: Standing, why: str) -> Standing:
    assert known.present is not None
    return _record(
        state_dir,
        known,
        phase="idle",
        present=known.previous,
        previous=None,
        candidate=None,
        starts=0,
        state="rolled_back",
        why=why,
        refused=_with(known, (known.present.bundle,)),
    )


def _with(known: Standing, more: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(each for each in known.refused if each not in more)
    return (*kept, *more)[-model_store.MOST_REFUSED :]


def _record(state_dir: Path, known: Standing, **changes: object) -> Standing:
    new = replace(known, **changes)
    model_store.record(state_dir, new)
    model_store.sweep(state_dir, new)
    return new
