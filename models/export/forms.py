"""The other forms of a network; `drsn-agent doctor --bench` picks the fastest on a machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from agent.inference import classifier, variant_files
from agent.inference.classifier import OnnxClassifier
from models.data import validation
from models.data.batches import Batch
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.evaluation import model_file
from models.export.onnx_export import write
from models.export.quantize import quantize
from models.export.weight_compression import compact
from models.training.progress import Say
from models.training.train import training_recordings

Paths = Mapping[str, Path]  # form -> file to write


@dataclass(frozen=True)
class Scoring:
    """Reads a recipe's training recordings, and scores a network on its validation windows."""

    recordings: Callable[[Recipe, Path], list[Recording]]
    figures: Callable[[OnnxClassifier, Recipe, Path], dict[str, float]]


def paths_beside(model: Path) -> Paths:
    """Files beside `model`, for a user's own network."""
    return {form: variant_files.near(model, form) for form in variant_files.FORMS}


def paths_in_zoo(model: Path) -> Paths:
    """Files in the zoo's folder of variants."""
    return {form: variant_files.in_zoo(model, form) for form in variant_files.FORMS}


def write_all(float32: Path, contract: Contract, drawn: Batch, paths: Paths) -> None:
    """Writes every form of the network in `float32` to `paths`.

    `drawn` holds the calibration windows for static ranges; `contract` may hold the figures of the
    float form.
    """
    model, plain = onnx.load(float32), msgspec.structs.replace(contract, figures={})
    write(model, paths["float"], msgspec.structs.replace(contract, precision="float32"))
    weights = msgspec.structs.replace(plain, precision="int8-weights")
    write(compact(model), paths["int8-weights"], weights)
    full = msgspec.structs.replace(plain, precision="int8-full")
    quantize(float32, paths["int8-full"], drawn, full, reduce_range=False)


def write_released(model: Path, recipe: Recipe, root: Path, scoring: Scoring, say: Say) -> None:
    """Writes the forms of the released INT8 file `model`, and scores its float form.

    The float form must be in the zoo's folder of variants; raises UserError where it is not.
    """
    source = variant_files.in_zoo(model, "float")
    if not source.is_file():
        raise UserError(f"{source}: found no float form, expected it there or as --float")
    released = classifier.load(model)
    drawn = validation.calibration(recipe, scoring.recordings(recipe, root))
    share = _same_labels(source, released, drawn)
    say(f"quantized again it gives {share:.2%} of the calibration windows the released label")
    scores = scoring.figures(classifier.load(source), recipe, root)
    figures = {name: round(value, 4) for name, value in scores.items()}
    contract = msgspec.structs.replace(released.contract, figures=figures)
    write_all(source, contract, drawn, paths_in_zoo(model))
    for form, path in paths_in_zoo(model).items():
        say(f"{form}: {path}: {path.stat().st_size:,} bytes")


def _same_labels(float32: Path, released: OnnxClassifier, drawn: Batch) -> float:
    """Quantizes the float form again: the share of windows with the released file's label."""
    draft = float32.with_name(f".{float32.name}.again")
    try:
        quantize(float32, draft, drawn, released.contract)
        windows = validation.Labelled(drawn.samples, drawn.targets, drawn.running)
        return model_file.agreement(classifier.load(draft), released, windows)
    finally:
        draft.unlink(missing_ok=True)


def _vibration_figures(network: OnnxClassifier, recipe: Recipe, root: Path) -> dict[str, float]:
    """Macro-F1 on each data set, clean and under noise, named as in a contract."""
    figures: dict[str, float] = {}
    for name, clean in validation.per_set(recipe, root):
        figures |= model_file.scores(network, name, clean)
    return figures


VIBRATION = Scoring(training_recordings, _vibration_figures)
