"""From a recipe to a released file: train, export, quantize, measure, write file and card."""

from pathlib import Path

import msgspec
import onnx

from agent.errors import UserError
from models import card, wording
from models import checkpoint as checkpoints
from models.checkpoint import Checkpoint
from models.export import contract_of, write
from models.fit import fit
from models.measure import Files, Measured, measure, write_files
from models.recipe import Recipe
from models.teller import Say


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
    out.with_suffix(".md").write_text(card.text(recipe, measured, out, wording.released(recipe)))


def publish(saved: Checkpoint, files: Files, measured: Measured, out: Path) -> None:
    """The INT8 file at `out`, with what was measured in its contract."""
    contract = contract_of(saved)
    found = {name: round(value, 4) for name, value in measured.figures["int8"].items()}
    found |= {name: round(value, 4) for name, value in measured.agreement.items()}
    write(
        onnx.load(files.int8),
        out,
        msgspec.structs.replace(contract, precision="int8", figures=found),
    )


def _checkpoint(recipe: Recipe, root: Path, path: Path, say: Say) -> Checkpoint:
    try:
        saved = checkpoints.load(path)
    except UserError:
        saved = None
    if saved is None or saved.recipe != recipe:
        saved = fit(recipe, root, say)
        checkpoints.save(saved, path)
    return saved
