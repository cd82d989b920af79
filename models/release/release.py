"""From a recipe to a released file: train, export, quantize, measure, write file and card."""

from pathlib import Path
from typing import Literal

import msgspec
import onnx

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from models.data import validation
from models.data.recipe import Recipe
from models.export import forms
from models.export.onnx_export import contract_of, write
from models.release import card, card_text
from models.release.measure import Files, Measured, measure, write_files
from models.training import checkpoint as checkpoints
from models.training.checkpoint import Checkpoint
from models.training.progress import Say
from models.training.train import training_recordings
from models.training.train_and_calibrate import fit


def release(recipe: Recipe, root: Path, work: Path, out: Path, say: Say) -> None:
    """Writes the INT8 network to `out`, and beside it its card.

    Controls are trained and measured alike. Checkpoints and intermediate files stay in `work`;
    a checkpoint of the very same recipe is not trained again.
    """
    measured = []
    for family in (recipe.family, *recipe.controls):
        own = msgspec.structs.replace(recipe, family=family)
        saved = _checkpoint(own, root, work / f"{family}.pt", say)
        files = write_files(saved, root, work / family)
        measured.append(measure(saved, root, files))
        if family == recipe.family:
            publish(saved, files, measured[0], out)
            drawn = validation.calibration(recipe, training_recordings(recipe, root))
            contract = with_figures(saved, measured[0], "float32")
            forms.write_all(files.float32, contract, drawn, forms.zoo(out))
    out.with_suffix(".md").write_text(card.text(recipe, measured, out, card_text.released(recipe)))


def publish(saved: Checkpoint, files: Files, measured: Measured, out: Path) -> None:
    """The INT8 file at `out`, with what was measured in its contract."""
    write(onnx.load(files.int8), out, with_figures(saved, measured, "int8"))


def with_figures(
    saved: Checkpoint, measured: Measured, precision: Literal["float32", "int8"]
) -> Contract:
    """What a file of that precision says of itself."""
    found = {name: round(value, 4) for name, value in measured.figures[precision].items()}
    found |= {name: round(value, 4) for name, value in measured.agreement.items()}
    return msgspec.structs.replace(contract_of(saved), precision=precision, figures=found)


def _checkpoint(recipe: Recipe, root: Path, path: Path, say: Say) -> Checkpoint:
    try:
        saved = checkpoints.load(path)
    except UserError:
        saved = None
    if saved is None or saved.recipe != recipe:
        saved = fit(recipe, root, say)
        checkpoints.save(saved, path)
    return saved
