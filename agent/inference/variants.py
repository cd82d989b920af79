"""Which form of a model this box runs: chosen by `doctor --bench`, kept in the state directory.

A choice lapses when the model's file, the chosen form's file, the processor or ONNX Runtime is
another one; the model file itself is run then.
"""

import contextlib
import hashlib
import logging
import os
import pwd
from pathlib import Path

import msgspec
import onnxruntime

from agent.core import files, json_input
from agent.core.errors import ConfigError, UserError
from agent.inference import registry as installed
from agent.inference import variant_files
from agent.inference.classifier import OnnxClassifier, load

FILE = "variants.json"
USER = "drsn-agent"  # of the service
CPU_INFO = Path("/proc/cpuinfo")
TELLING = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")

log = logging.getLogger("drsn")


class VariantChoice(msgspec.Struct, frozen=True):
    """One model's choice. `form` None: the model file itself is the fastest."""

    model: str  # as it was called, for people
    form: str | None
    form_sha256: str | None
    box: str
    batch: int
    window_us: dict[str, float]  # of each form; "" is the model file itself


class SavedChoices(msgspec.Struct, frozen=True):
    """The file: the SHA-256 of each model's file -> what was chosen for it."""

    models: dict[str, VariantChoice] = {}


def open_model(own: Path, folder: Path | None) -> OnnxClassifier:
    """The model in that file as this box runs it; `folder` None: as it is."""
    path = file(own, folder)
    if path != own:
        log.info("%s: runs as %s, the fastest here by doctor --bench", own, _form(own, path))
    return load(path)


def served(model: str, folder: Path) -> Path:
    """The file that is run for a model: what was installed or the zoo's, in the form chosen."""
    return file(installed.find(folder, model), folder)


def file(own: Path, folder: Path | None) -> Path:
    """The file that is run for the model in `own`; `ConfigError` where that cannot be read."""
    found = None if folder is None else lookup(folder, own)
    if found is None or found.form is None:
        return own
    path = variant_files.found(own).get(found.form)
    return own if path is None or sha256(path) != found.form_sha256 else path


def lookup(folder: Path, own: Path) -> VariantChoice | None:
    """What was chosen for the model in that file, if it holds here and now."""
    kept = read(folder).models
    found = kept.get(sha256(own)) if kept else None
    return found if found is not None and found.box == box() else None


def read(folder: Path) -> SavedChoices:
    """What is kept; nothing where that cannot be read: a choice is only about speed."""
    try:
        return json_input.decode((folder / FILE).read_bytes(), SavedChoices)
    except (OSError, json_input.JsonError):
        return SavedChoices()


def keep(folder: Path, own: Path, chosen: VariantChoice) -> None:
    """Adds the choice, whole or not at all; `UserError` where the folder cannot be written."""
    models = read(folder).models | {sha256(own): chosen}
    try:
        if not folder.exists():
            files.make_folder(folder)
            _hand_over(folder)
        choices = msgspec.json.format(msgspec.json.encode(SavedChoices(models)), indent=2)
        files.write(folder / FILE, choices)
        _hand_over(folder / FILE)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None


def box() -> str:
    """Names processor and ONNX Runtime: what timings hold for."""
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        lines = []
    told = sorted({line for line in lines if line.partition(":")[0].strip() in TELLING})
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return f"{os.uname().machine} {digest}, ONNX Runtime {onnxruntime.__version__}"


def sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _form(own: Path, path: Path) -> str:
    return next(form for form, found in variant_files.found(own).items() if found == path)


def _hand_over(path: Path) -> None:
    """What root writes is the service's, where there is one."""
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(USER)
            os.chown(path, user.pw_uid, user.pw_gid)
