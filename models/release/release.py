"""Makes a released file and its card from a recipe."""

from pathlib import Path
from typing import Literal

import msgspec
import onnx

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from agent.inference import classifier, variant_files
from models.data import validation
from models.data.recipe import Recipe
from models.export import forms
from models.export.onnx_export import contract_of, write
from models.release import bearings_apart, card, card_text
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
    measured: list[Measured] = []
    for family in (recipe.family, *recipe.controls):
        variant = msgspec.structs.replace(recipe, family=family)
        checkpoint = _checkpoint(variant, root, work / f"{family}.pt", say)
        files = write_files(checkpoint, root, work / family)
        measured.append(measure(variant, root, files))
        if family == recipe.family:
            publish(checkpoint, files, measured[0], out)
            drawn = validation.calibration(recipe, training_recordings(recipe, root))
            contract = with_figures(contract_of(checkpoint), measured[0], "float32")
            forms.write_all(files.float32, contract, drawn, forms.paths_in_zoo(out))
    _write_card(recipe, root, work, out, measured, say)


def measure_again(recipe: Recipe, root: Path, work: Path, out: Path, say: Say) -> None:
    """Measures the released files as they are, and writes their figures and their card.

    No released network is trained; those of "bearings apart" are, unless they are in `work`. A
    control is the network that is released beside this one under its family's name.
    """
    files = {recipe.family: out}
    files |= {family: out.with_name(f"{out.stem}-{family}.onnx") for family in recipe.controls}
    measured = []
    for family, file in files.items():
        say(f"measuring {file.name}")
        variant = msgspec.structs.replace(recipe, family=family)
        pair = Files(variant_files.in_zoo(file, "float"), file)
        measured.append(measure(variant, root, pair))
    released = Files(variant_files.in_zoo(out, "float"), out)
    _rewrite(released.int8, measured[0], "int8")
    _rewrite(released.float32, measured[0], "float32")
    _write_card(recipe, root, work, out, measured, say)


def _rewrite(file: Path, measured: Measured, precision: Literal["float32", "int8"]) -> None:
    """The same network with these figures in its contract."""
    contract = with_figures(classifier.load(file).contract, measured, precision)
    write(onnx.load(file), file, contract)


def _write_card(
    recipe: Recipe, root: Path, work: Path, out: Path, measured: list[Measured], say: Say
) -> None:
    apart = bearings_apart.measure(recipe, root, work, say)
    text = card.text(recipe, measured, out, card_text.released(recipe), apart)
    out.with_suffix(".md").write_text(text)


def publish(checkpoint: Checkpoint, files: Files, measured: Measured, out: Path) -> None:
    """Writes the INT8 file to `out`, with its figures in the contract."""
    contract = with_figures(contract_of(checkpoint), measured, "int8")
    write(onnx.load(files.int8), out, contract)


def with_figures(
    contract: Contract, measured: Measured, precision: Literal["float32", "int8"]
) -> Contract:
    """That contract for a file of that precision, with its figures."""
    figures = {name: round(value, 4) for name, value in measured.figures[precision].items()}
    figures |= {name: round(value, 4) for name, value in measured.agreement.items()}
    return msgspec.structs.replace(contract, precision=precision, figures=figures)


def _checkpoint(recipe: Recipe, root: Path, path: Path, say: Say) -> Checkpoint:
    try:
        checkpoint = checkpoints.load(path)
    except UserError:
        checkpoint = None
    if checkpoint is None or checkpoint.recipe != recipe:
        checkpoint = fit(recipe, root, say)
        checkpoints.save(checkpoint, path)
    return checkpoint
