"""Writes the files of a trained network for its user: INT8 file, model card, report."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from agent.inference import classifier
from models.data import held_out, validation
from models.data.recipe import Recipe
from models.evaluation import report
from models.evaluation.evaluate import EvaluationSet, Settings, evaluate
from models.export import forms
from models.export.onnx_export import contract_of
from models.release import card
from models.release.card_text import CardText
from models.release.measure import Files, Measured, measure, write_files
from models.release.release import publish, with_figures
from models.training.checkpoint import Checkpoint
from models.training.progress import Say
from models.training.train import training_recordings

MAX_DROP = 0.005  # of macro-F1, from float to INT8


@dataclass(frozen=True)
class Package:
    """The INT8 file to write, the text of its card, and which other forms to keep.

    `keep_float` keeps the float file, `keep_variants` every form of the network.
    """

    out: Path
    card_text: CardText
    keep_float: bool = False
    keep_variants: bool = False


def write_package(checkpoint: Checkpoint, root: Path, package: Package, say: Say) -> None:
    """Writes the INT8 file, and beside it .md (card), .html and .json (report).

    The float file is also kept where INT8 loses more than half a point of macro-F1.
    """
    out = package.out
    with tempfile.TemporaryDirectory() as folder:
        say("exporting, quantizing and measuring")
        files = write_files(checkpoint, root, Path(folder))
        measured = measure(checkpoint.recipe, root, files)
        publish(checkpoint, files, measured, out)
        text = card.text(checkpoint.recipe, [measured], out, package.card_text)
        out.with_suffix(".md").write_text(text)
        say(compared(checkpoint.recipe, measured))
        lost = drop(checkpoint.recipe, measured) > MAX_DROP
        if lost:
            say(_advice(out))
        if package.keep_variants:
            _keep_variants(checkpoint, root, files, measured, out)
        elif package.keep_float or lost:
            shutil.copyfile(files.float32, float_file(out))
    _report(checkpoint.recipe, root, out, say)


def _keep_variants(
    checkpoint: Checkpoint, root: Path, files: Files, measured: Measured, out: Path
) -> None:
    drawn = validation.calibration(checkpoint.recipe, training_recordings(checkpoint.recipe, root))
    contract = with_figures(contract_of(checkpoint), measured, "float32")
    forms.write_all(files.float32, contract, drawn, forms.paths_beside(out))


def float_file(out: Path) -> Path:
    return out.with_suffix(".float.onnx")


def drop(recipe: Recipe, measured: Measured) -> float:
    """Macro-F1 that INT8 loses, the mean over data sets, clean and in noise."""
    return _macro_f1(recipe, measured, "float32") - _macro_f1(recipe, measured, "int8")


def compared(recipe: Recipe, measured: Measured) -> str:
    """One line that compares INT8 with float."""
    agreed = measured.agreement
    return (
        f"INT8 and float agree on {100 * agreed['agreement_clean']:.1f} % of the validation "
        f"windows, {100 * agreed['agreement_noisy']:.1f} % under noise; mean macro-F1 "
        f"{100 * _macro_f1(recipe, measured, 'int8'):.1f} %, "
        f"float {100 * _macro_f1(recipe, measured, 'float32'):.1f} %"
    )


def _advice(out: Path) -> str:
    return (
        f"note: INT8 loses more than {100 * MAX_DROP:g} points: run {float_file(out).name} "
        "instead, or train with more recordings, another --seed or --family"
    )


def _macro_f1(recipe: Recipe, measured: Measured, precision: str) -> float:
    sets = tuple(f"{Path(source.folder).name}_" for source in recipe.data)
    scores = [f1 for name, f1 in measured.figures[precision].items() if name.startswith(sets)]
    return sum(scores) / len(scores)


def _report(recipe: Recipe, root: Path, out: Path, say: Say) -> None:
    """Reports on the splits `test` where there are some, else on the validation split."""
    network = classifier.load(out)
    several = len(recipe.data) > 1
    recordings, splits = [], set()
    for source in recipe.data:
        reported = source.test or source.val
        splits |= set(reported)
        recordings += [
            replace(r, file=f"{source.folder}/{r.file}" if several else r.file)
            for r in held_out.recordings(network.contract, root, source, reported)
        ]
    say(f"evaluating {len(recordings)} recordings in every noise")
    name = ", ".join(source.folder for source in recipe.data)
    dataset = EvaluationSet(name, ", ".join(sorted(splits)), recordings)
    report.write(evaluate(network, dataset, Settings(recipe.seed), lambda line: None), out)
