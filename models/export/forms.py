"""The other forms of a network, written beside it: `drsn-agent doctor --bench` picks the fastest.

    python -m models.export.forms MODEL.onnx --recipe FILE --data FOLDER [--float FILE] [--speech]

writes them for a released file that is there already, and the macro-F1 of the float form into it.
Without --float the float form is the one that lies there.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import onnx

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from agent.inference import classifier, variant_files
from agent.inference.classifier import OnnxClassifier
from models.data import recipe as recipes
from models.data import validation
from models.data.batches import Batch
from models.data.recipe import Recipe
from models.evaluation import model_file
from models.export.onnx_export import write
from models.export.quantize import quantize
from models.export.weight_compression import compact
from models.guard import needs_torch, say
from models.training.progress import Say
from models.training.train import training_recordings

Named = Mapping[str, Path]  # form -> file to write


def near(model: Path) -> Named:
    """Beside the file, for a network of one's own."""
    return {form: variant_files.near(model, form) for form in variant_files.FORMS}


def zoo(model: Path) -> Named:
    return {form: variant_files.in_zoo(model, form) for form in variant_files.FORMS}


def write_all(float32: Path, contract: Contract, drawn: Batch, named: Named) -> None:
    """Every form of the network in `float32` that `files` names.

    `drawn` are the windows that static ranges are taken from; `contract` may hold the figures of
    the float form.
    """
    model, plain = onnx.load(float32), msgspec.structs.replace(contract, figures={})
    write(model, named["float"], msgspec.structs.replace(contract, precision="float32"))
    small = msgspec.structs.replace(plain, precision="int8-weights")
    write(compact(model), named["int8-weights"], small)
    full = msgspec.structs.replace(plain, precision="int8-full")
    quantize(float32, named["int8-full"], drawn, full, reduce_range=False)


def release(
    model: Path, recipe: Recipe, root: Path, float32: Path | None, speech: bool, tell: Say
) -> None:
    """The forms of the released INT8 file `model`, with figures of the float one."""
    released = classifier.load(model)
    drawn = _calibration(recipe, root, speech)
    source = variant_files.in_zoo(model, "float")
    source.parent.mkdir(parents=True, exist_ok=True)
    if float32 is not None:
        shutil.copyfile(float32, source)
    if not source.is_file():
        raise UserError(f"{source}: found no float form, expected it there or as --float")
    again = source.with_name(f".{model.name}.again")
    quantize(source, again, drawn, released.contract)
    share = _same(classifier.load(again), released, drawn)
    again.unlink()
    tell(f"quantized again it gives {share:.2%} of the calibration windows the released label")
    found = _figures(classifier.load(source), recipe, root, speech)
    contract = msgspec.structs.replace(released.contract, figures=found)
    write_all(source, contract, drawn, zoo(model))
    for form in variant_files.FORMS:
        path = variant_files.in_zoo(model, form)
        tell(f"{path}: {path.stat().st_size:,} bytes")


def _same(one: OnnxClassifier, other: OnnxClassifier, drawn: Batch) -> float:
    found = [model_file.labels_of(each, drawn.samples, drawn.running) for each in (one, other)]
    return float(np.mean(found[0] == found[1]))


def _calibration(recipe: Recipe, root: Path, speech: bool) -> Batch:
    if not speech:
        return validation.calibration(recipe, training_recordings(recipe, root))
    from models.speech import corpus

    return validation.calibration(recipe, corpus.training(recipe, root))


def _figures(network: OnnxClassifier, recipe: Recipe, root: Path, speech: bool) -> dict[str, float]:
    """Macro-F1, named as in the released file's contract."""
    found: dict[str, float] = {}
    if speech:
        from models.speech import evaluation

        for name, judged in evaluation.judged(recipe, root).items():
            said = model_file.labels_of(network, judged.samples, judged.running)
            key = f"f1_{name}".replace(" ", "").lower()
            found[key] = model_file.macro_f1(judged.targets, said)
    else:
        for name, clean in validation.per_set(recipe, root):
            found |= model_file.scores(network, name, clean)
    return {name: round(value, 4) for name, value in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.export.forms", description=__doc__)
    parser.add_argument("model", type=Path, help="the released INT8 file")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="where the recipe's data lie")
    parser.add_argument("--float", type=Path, dest="float32", metavar="FILE", help="as exported")
    parser.add_argument("--speech", action="store_true", help="a network of spoken words")
    parser.set_defaults(run=needs_torch(_run))
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _run(arguments: argparse.Namespace) -> int:
    recipe = recipes.load(arguments.recipe)
    given = arguments
    release(given.model, recipe, given.data, given.float32, given.speech, say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
