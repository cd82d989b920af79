"""Steps of a roll-out, each durable when it returns. For the agent's process, one at a time.

Whatever ends the process, `find` then gives the model that ran or the one that took its place.
"""

import contextlib
import hashlib
import logging
import os
import time
from pathlib import Path

from msgspec.structs import replace

from agent.core import files, model_contract, state_directory
from agent.core.errors import ConfigError, UserError
from agent.core.time import iso
from agent.inference import model_store, onnx_check, zoo
from agent.inference.bundle import Bundle, older
from agent.inference.model_store import Entry, Standing

log = logging.getLogger("drsn.rollout")


def find(state_dir: Path, model: str) -> Path:
    """The file that `model` means: what was installed under that name, else the zoo's.

    An installed file whose digest is wrong (a disk that rots) is passed over for the previous one.
    """
    if model.endswith(".onnx") or "/" in model:
        return zoo.find(model)
    standing = model_store.standing(state_dir, model)
    for entry in (standing.present, standing.previous if standing.present else None):
        if entry is None:
            continue
        file = model_store.model_file(state_dir, model, entry)
        with contextlib.suppress(OSError):
            if hashlib.sha256(_content(file)).hexdigest() == entry.sha256:
                return file
        log.error("%s: missing or changed since it was installed: passed over", file)
    return zoo.find(model)


def _content(file: Path) -> bytes:
    return files.read(file, model_store.MAX_MODEL_BYTES)


def count_start(state_dir: Path, max_starts: int) -> bool:
    """Counts this start against the models under trial; gives up those that spoilt too many.

    Call it before any model is loaded. False where the disk does not take it: then nothing may be
    tried in this run.
    """
    if not model_store.root(state_dir).is_dir():
        return True
    os.close(state_directory.claim(state_dir))  # fails while another agent has the directory
    model_store.set_broken_aside(state_dir)
    try:
        for file, name, verb in list(model_store.orders(state_dir)):
            if verb == "back":
                with contextlib.suppress(UserError):
                    go_back(state_dir, name)
                file.unlink()
        for standing in model_store.standings(state_dir):
            if standing.phase != "idle":
                _count(state_dir, standing, max_starts)
    except OSError as error:
        log.error("no roll-out in this run: %s", error)
        return False
    return True


def _count(state_dir: Path, standing: Standing, max_starts: int) -> None:
    if standing.starts >= max_starts:
        why = f"the process ended {standing.starts} times while {standing.phase} lasted"
        refuse(state_dir, standing.name, why)
    else:
        model_store.record(state_dir, replace(standing, starts=standing.starts + 1))


def admit(state_dir: Path, bundle: Bundle, allow_downgrade: bool) -> Standing:
    """Makes the bundle's model the candidate; `UserError` for one that may not be."""
    manifest = bundle.manifest
    standing = model_store.standing(state_dir, manifest.name)
    check_version(state_dir, bundle, allow_downgrade)
    sha256 = hashlib.sha256(bundle.model).hexdigest()
    model_store.put(state_dir, manifest.name, sha256, bundle.parts)
    entry = Entry(
        version=manifest.version, sha256=sha256, bundle=bundle.sha256, since=iso(time.time())
    )
    return _record(
        state_dir, standing, phase="shadow", candidate=entry, starts=1, state="shadow", why=None
    )


def check_version(state_dir: Path, bundle: Bundle, allow_downgrade: bool) -> None:
    """`UserError` for a model that runs already, and for one that is not newer."""
    name, version = bundle.manifest.name, bundle.manifest.version
    try:
        present = find(state_dir, name).read_bytes()
    except ConfigError:
        return  # there is none of that name
    if present == bundle.model:
        raise UserError(f"{name} {version}: runs already")
    present_version = version_of(present)
    if not allow_downgrade and older(version, present_version):
        raise UserError(
            f"{name}: found version {version}, expected one above {present_version}, which runs "
            "(--allow-downgrade takes it nevertheless)"
        )


def first(state_dir: Path, bundle: Bundle) -> None:
    """Installs the first model of a name that no zoo has: there is none to try it beside."""
    standing = admit(state_dir, bundle, True)
    changes = {"phase": "idle", "candidate": None, "starts": 0, "state": "kept"}
    _record(state_dir, standing, present=standing.candidate, **changes)


def switch(state_dir: Path, name: str) -> Standing:
    """The candidate takes the present model's place, on probation."""
    standing = model_store.standing(state_dir, name)
    return _record(
        state_dir,
        standing,
        phase="probation",
        present=replace(standing.latest, since=iso(time.time())),
        previous=standing.present,
        candidate=None,
        starts=1,
        state="switched",
    )


def settle(state_dir: Path, name: str) -> Standing:
    """Ends the probation: the model is kept."""
    standing = model_store.standing(state_dir, name)
    return _record(state_dir, standing, phase="idle", starts=0, state="kept")


def refuse(state_dir: Path, name: str, why: str) -> Standing:
    """Ends a trial: drops the candidate, or goes back from the model on probation."""
    standing = model_store.standing(state_dir, name)
    log.warning("%s: %s: %s", name, standing.phase, why)
    if standing.phase == "probation":
        return _back(state_dir, standing, why)
    bundles = () if standing.candidate is None else (standing.candidate.bundle,)
    return _record(
        state_dir,
        standing,
        phase="idle",
        candidate=None,
        starts=0,
        state="refused",
        why=why,
        refused=_refused(standing, *bundles),
    )


def forget(state_dir: Path, name: str, bundle: str, why: str) -> Standing:
    """Notes a bundle that was never a candidate, so that no announcement brings it back."""
    standing = model_store.standing(state_dir, name)
    refused = _refused(standing, bundle)
    return _record(state_dir, standing, state="refused", why=why, refused=refused)


def go_back(state_dir: Path, name: str) -> Standing:
    """Ends a trial, or goes back to the model before, by hand; `UserError` where there is none."""
    standing = model_store.standing(state_dir, name)
    if standing.phase == "shadow":
        return refuse(state_dir, name, "taken back by hand")
    version = standing.latest.version
    if standing.previous is None and name not in zoo.released():
        raise UserError(f"{name}: found nothing before {version} to go back to")
    return _back(state_dir, standing, "by hand")


def pause(state_dir: Path, name: str) -> None:
    """The process ends in good order: its start does not count against the model under trial."""
    standing = model_store.standing(state_dir, name)
    if standing.phase != "idle":
        model_store.record(state_dir, replace(standing, starts=0))


def version_of(model: bytes) -> str:
    """The version in a model file's contract; empty where it has none."""
    try:
        return model_contract.parse(onnx_check.metadata(model, ""), "").version
    except UserError:
        return ""


def _back(state_dir: Path, standing: Standing, why: str) -> Standing:
    return _record(
        state_dir,
        standing,
        phase="idle",
        present=standing.previous,
        previous=None,
        candidate=None,
        starts=0,
        state="rolled_back",
        why=why,
        refused=_refused(standing, standing.latest.bundle),
    )


def _refused(standing: Standing, *bundles: str) -> tuple[str, ...]:
    """The refused bundles with those at the end; the oldest are forgotten."""
    others = (bundle for bundle in standing.refused if bundle not in bundles)
    return (*others, *bundles)[-model_store.MAX_REFUSED :]


def _record(state_dir: Path, standing: Standing, **changes: object) -> Standing:
    new = replace(standing, **changes)
    model_store.record(state_dir, new)
    model_store.sweep(state_dir, new)
    return new
