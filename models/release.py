"""From a recipe to a released file: train, export, quantize, measure, write file and card."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx

from agent.errors import UserError
from models import card
from models import checkpoint as checkpoints
from models.checkpoint import Checkpoint
from models.export import contract_of, write
from models.fit import fit
from models.measure import Files, Measured, measure, write_files
from models.recipe import Recipe

Say = Callable[[str], None]


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
            _publish(saved, files, measured[0], out)
    out.with_suffix(".md").write_text(card.text(recipe, measured, out))


def _publish(saved: Checkpoint, files: Files, measured: Measured, out: Path) -> None:
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
        saved = fit(recipe, root, teller(recipe, say))
        checkpoints.save(saved, path)
    return saved


def teller(recipe: Recipe, say: Say) -> Callable[[int, float], None]:
    """Progress in lines: one every hundred steps."""

    def tell(step: int, loss: float) -> None:
        if step % 100 == 0 or step == recipe.steps:
            say(f"{recipe.family}: step {step} of {recipe.steps}, loss {loss:.3f}")

    return tell
