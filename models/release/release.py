"""Makes a released file and its card from a recipe."""

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
    """Writes the INT8 network to `out`, and its card beside it.

    The controls are trained and measured in the same way. Checkpoints and intermediate files stay
    in `work`; a checkpoint of the same recipe is used again.
    """
    measured = []
    for family in (recipe.family, *recipe.controls):
        variant = msgspec.structs.replace(recipe, family=family)
        checkpoint = _checkpoint(variant, root, work / f"{family}.pt", say)
        files = write_files(checkpoint, root, work / family)
        measured.append(measure(checkpoint, root, files))
        if family == recipe.family:
            publish(checkpoint, files, measured[0], out)
            drawn = validation.calibration(recipe, training_recordings(recipe, root))
            contract = with_figures(checkpoint, measured[0], "float32")
            forms.write_all(files.float32, contract, drawn, forms.paths_in_zoo(out))
    out.with_suffix(".md").write_text(card.text(recipe, measured, out, card_text.released(recipe)))


def publish(checkpoint: Checkpoint, files: Files, measured: Measured, out: Path) -> None:
    """Writes the INT8 file to `out`, with its figures in the contract."""
    write(onnx.load(files.int8), out, with_figures(checkpoint, measured, "int8"))


def with_figures(
    checkpoint: Checkpoint, measured: Measured, precision: Literal["float32", "int8"]
) -> Contract:
    """The contract of a file of that precision, with its figures."""
    figures = {name: round(value, 4) for name, value in measured.figures[precision].items()}
    figures |= {name: round(value, 4) for name, value in measured.agreement.items()}
    return msgspec.structs.replace(contract_of(checkpoint), precision=precision, figures=figures)


def _checkpoint(recipe: Recipe, root: Path, path: Path, say: Say) -> Checkpoint:
    try:
        checkpoint = checkpoints.load(path)
    except UserError:
        checkpoint = None
    if checkpoint is None or checkpoint.recipe != recipe:
        checkpoint = fit(recipe, root, say)
        checkpoints.save(checkpoint, path)
    return checkpoint
