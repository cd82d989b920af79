"""From a trained network to what a user takes away: INT8 file, model card, report."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from agent.inference import classifier
from models.data import held_out, validation
from models.data.recipe import Recipe
from models.evaluation import evaluate as judge
from models.evaluation import report
from models.export import forms
from models.release import card
from models.release.card_text import CardText
from models.release.measure import Files, Measured, measure, write_files
from models.release.release import publish, with_figures
from models.training.checkpoint import Checkpoint
from models.training.progress import Say
from models.training.train import training_recordings

HOP_S = 0.1  # of the agent, for false alarms an hour
MOST_DROP = 0.005  # of macro-F1, from float to INT8


def write_package(
    saved: Checkpoint,
    root: Path,
    out: Path,
    card_text: CardText,
    keep_float: bool,
    say: Say,
    keep_variants: bool = False,
) -> None:
    """Writes `out` (INT8), and beside it .md (card), .html and .json (report).

    The float file is kept as .float.onnx where that is wished, or where INT8 loses more than
    half a point of macro-F1; `keep_variants` keeps every form that `agent.variants` knows.
    """
    with tempfile.TemporaryDirectory() as folder:
        say("exports, quantizes and measures")
        files = write_files(saved, root, Path(folder))
        measured = measure(saved, root, files)
        publish(saved, files, measured, out)
        text = card.text(saved.recipe, [measured], out, card_text)
        out.with_suffix(".md").write_text(text)
        say(compared(saved.recipe, measured))
        lost = drop(saved.recipe, measured) > MOST_DROP
        if lost:
            say(_advice(out))
        if keep_variants:
            _keep_variants(saved, root, files, measured, out)
        elif keep_float or lost:
            shutil.copyfile(files.float32, float_file(out))
    _report(saved.recipe, root, out, say)


def _keep_variants(
    saved: Checkpoint, root: Path, files: Files, measured: Measured, out: Path
) -> None:
    drawn = validation.calibration(saved.recipe, training_recordings(saved.recipe, root))
    contract = with_figures(saved, measured, "float32")
    forms.write_all(files.float32, contract, drawn, forms.near(out))


def float_file(out: Path) -> Path:
    return out.with_suffix(".float.onnx")


def drop(recipe: Recipe, measured: Measured) -> float:
    """Macro-F1 that INT8 loses, the mean over data sets, clean and in noise."""
    return _macro_f1(recipe, measured, "float32") - _macro_f1(recipe, measured, "int8")


def compared(recipe: Recipe, measured: Measured) -> str:
    """INT8 beside float, in one line."""
    agreed = measured.agreement
    return (
        f"INT8 and float agree on {100 * agreed['agreement_clean']:.1f} % of the validation "
        f"windows, {100 * agreed['agreement_noisy']:.1f} % under noise; mean macro-F1 "
        f"{100 * _macro_f1(recipe, measured, 'int8'):.1f} %, "
        f"float {100 * _macro_f1(recipe, measured, 'float32'):.1f} %"
    )


def _advice(out: Path) -> str:
    return (
        f"note: INT8 loses more than {100 * MOST_DROP:g} points: run {float_file(out).name} "
        "instead, which is kept, or train with more recordings, another --seed or --family"
    )


def _macro_f1(recipe: Recipe, measured: Measured, precision: str) -> float:
    sets = tuple(f"{Path(source.folder).name}_" for source in recipe.data)
    found = [f1 for name, f1 in measured.figures[precision].items() if name.startswith(sets)]
    return sum(found) / len(found)


def _report(recipe: Recipe, root: Path, out: Path, say: Say) -> None:
    """On the splits `test` where there are some, else on the validation side."""
    network = classifier.load(out)
    several = len(recipe.data) > 1
    recordings, splits = [], set()
    for source in recipe.data:
        splits |= set(source.test or source.val)
        found = held_out.recordings(network.contract, root, source, source.test or source.val)
        recordings += [
            replace(r, file=f"{source.folder}/{r.file}" if several else r.file) for r in found
        ]
    say(f"judges on {len(recordings)} recordings in every noise")
    conditions = judge.evaluate(network, recordings, {}, recipe.seed, HOP_S, lambda line: None)
    name, split = ", ".join(source.folder for source in recipe.data), ", ".join(sorted(splits))
    judged = judge.described(network, name, split, recordings, conditions, recipe.seed, HOP_S)
    report.write(judged, out)
