"""Which form of a model this box runs: `doctor --bench` chooses it, the state directory keeps it.

A choice lapses when the model's file, the form's file, the processor or ONNX Runtime changes; then
the model file itself is run.
"""

import contextlib
import hashlib
import logging
import os
import pwd
from pathlib import Path

import msgspec
import onnxruntime

from agent.core import files, json_input, state_directory
from agent.core.errors import ConditionError
from agent.inference import registry as installed
from agent.inference import variant_files
from agent.inference.classifier import OnnxClassifier, load

FILE = "variants.json"
USER = "drsn-agent"  # of the service
CPU_INFO = Path("/proc/cpuinfo")
TRAITS = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")

log = logging.getLogger("drsn")


class VariantChoice(msgspec.Struct, frozen=True):
    """One model's choice. `form` None: the model file itself is the fastest."""

    model: str  # its name, for people
    form: str | None
    form_sha256: str | None
    box: str
    batch: int
    window_us: dict[str, float]  # of each form; "" is the model file itself


class SavedChoices(msgspec.Struct, frozen=True):
    """The file: the SHA-256 of each model's file -> its choice."""

    models: dict[str, VariantChoice] = {}


def open_model(model: Path, folder: Path | None) -> OnnxClassifier:
    """The model in that file, in the form for this box; `folder` None: the file itself."""
    path = file(model, folder)
    if path != model:
        form = next(form for form, at in variant_files.existing(model).items() if at == path)
        log.info("%s: runs as %s, the fastest here by doctor --bench", model, form)
    return load(path)


def served(model: str, folder: Path) -> Path:
    """The file that is run for a model name: the installed or the zoo's one, in its best form."""
    return file(installed.find(folder, model), folder)


def file(model: Path, folder: Path | None) -> Path:
    """The file that is run for the one in `model`; `ConditionError` where that cannot be read."""
    choice = None if folder is None else lookup(folder, model)
    if choice is None or choice.form is None:
        return model
    path = variant_files.existing(model).get(choice.form)
    return model if path is None or sha256(path) != choice.form_sha256 else path


def lookup(folder: Path, model: Path) -> VariantChoice | None:
    """The choice for the model in that file, if it holds on this box; None: there is none."""
    choices = read(folder).models
    choice = choices.get(sha256(model)) if choices else None
    return choice if choice is not None and choice.box == box() else None


def read(folder: Path) -> SavedChoices:
    """The saved choices; none where they cannot be read, since a choice is only about speed."""
    try:
        return json_input.decode(files.read(folder / FILE, json_input.MAX_BYTES), SavedChoices)
    except (FileNotFoundError, NotADirectoryError):
        return SavedChoices()
    except (OSError, json_input.JsonError) as error:
        log.warning("%s: cannot be read, ignored: %s", folder / FILE, error)
        return SavedChoices()


def keep(folder: Path, model: Path, choice: VariantChoice) -> None:
    """Saves the choice beside the others; `ConditionError` where the folder cannot be written."""
    models = read(folder).models | {sha256(model): choice}
    try:
        choices = msgspec.json.format(msgspec.json.encode(SavedChoices(models)), indent=2)
        with state_directory.as_owner(folder):
            if not folder.exists():
                files.make_folder(folder)
                _give_to_service(folder)
        with state_directory.as_owner(folder):
            files.write(folder / FILE, choices)
    except OSError as error:
        raise ConditionError(f"{folder} cannot be written: {error.strerror}") from None


def box() -> str:
    """Names the processor and the ONNX Runtime for which timings hold."""
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        lines = []
    traits = sorted({line for line in lines if line.partition(":")[0].strip() in TRAITS})
    digest = hashlib.sha256("\n".join(traits).encode()).hexdigest()[:16]
    return f"{os.uname().machine} {digest}, ONNX Runtime {onnxruntime.__version__}"


def sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConditionError(f"{path}: cannot be read: {error.strerror}") from None


def _give_to_service(path: Path) -> None:
    """Makes the service's user, if there is one, the owner of what root has made."""
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(USER)
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
