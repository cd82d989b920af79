"""The released recipe judged on bearings that it was not trained on.

A card's first table judges other speeds or loads of the bearings that were trained on, which says
little about another bearing: P. Vieira et al., Mechanical Systems and Signal Processing 258:114640
(2025). Here the recipe is trained anew, smaller, without some bearings, and judged on all their
recordings. The rigs of `cwru` and `hit_sm` have one healthy bearing: it stays in training, and its
validation recordings are judged. `uestc` is left out whole, its healthy bearing as well.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.core import files
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import validation
from models.data.recipe import Recipe, Source
from models.data.recordings import Recording, load
from models.evaluation import model_file
from models.export.onnx_export import contract_of, export
from models.training.progress import Say
from models.training.train import train, training_recordings
from models.training.train_and_calibrate import calibrated

PRESET, STEPS, BATCH = "small", 500, 64
CONDITIONS = ("clean", "gaussian_0db", "gaussian_-5db")
EVERY_SPLIT = ("train", "train_extra", "val")


@dataclass(frozen=True)
class Fold:
    """What one training does without: a severity of a set, or a whole set."""

    severities: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()

    def leaves_out(self, recording: Recording) -> bool:
        severity = self.severities.get(recording.machine)
        return recording.machine in self.sets or (
            severity is not None and recording.severity == severity
        )

    def names(self) -> dict[str, str]:
        """What is left out of each set, in words."""
        return dict(self.severities) | dict.fromkeys(self.sets, "the whole rig")


FOLDS = (
    Fold({"cwru": "7mil", "hit_sm": "2deg"}),
    Fold({"cwru": "14mil", "hit_sm": "5deg"}),
    Fold({"cwru": "21mil", "hit_sm": "8deg"}),
    Fold(sets=("uestc",)),
)


class Row(msgspec.Struct, frozen=True):
    """Macro-F1 by condition on one set, of bearings left out or of those trained on."""

    folder: str
    left_out: str  # empty: nothing of this set
    figures: dict[str, float]


def measure(recipe: Recipe, root: Path, work: Path, say: Say) -> list[Row]:
    """A row for each set and fold, and one for each set on the bearings trained on.

    The rows are kept in `work`, and used again for the same recipe.
    """
    small = msgspec.structs.replace(recipe, preset=PRESET, steps=STEPS, batch=BATCH, controls=())
    kept = work / "bearings-apart.json"
    origin = msgspec.to_builtins(small)
    if kept.is_file():
        stored = msgspec.json.decode(kept.read_bytes())
        if stored["recipe"] == msgspec.json.decode(msgspec.json.encode(origin)):
            return msgspec.convert(stored["rows"], list[Row])
    rows = _measured(small, root, say)
    work.mkdir(parents=True, exist_ok=True)
    files.write(kept, msgspec.json.encode({"recipe": origin, "rows": rows}))
    return rows


def _measured(recipe: Recipe, root: Path, say: Say) -> list[Row]:
    """Each set is judged on the bearings trained on by the first fold that leaves it whole."""
    sources = {Path(source.folder).name: source for source in recipe.data}
    rows: list[Row] = []
    for fold in FOLDS:
        names = fold.names()
        if not sources.keys() & names.keys():
            continue
        say(f"{recipe.name} without " + ", ".join(f"{name} {what}" for name, what in names.items()))
        network = _trained(recipe, root, fold)
        judged_whole = {row.folder for row in rows if not row.left_out}
        for name, source in sources.items():
            if name in names or name not in judged_whole:
                recordings = _judged(recipe, root, source, fold if name in names else None)
                scores = _scores(network, recipe, recordings)
                rows.append(Row(name, names.get(name, ""), scores))
    return rows


def _judged(recipe: Recipe, root: Path, source: Source, fold: Fold | None) -> list[Recording]:
    """The validation recordings; of bearings left out all recordings, with the healthy ones."""
    if fold is None:
        return load(root, source, source.val, recipe.labels, recipe.rate_hz)
    splits = EVERY_SPLIT if fold.sets else (*source.train, *source.val)
    recordings = load(root, source, splits, recipe.labels, recipe.rate_hz)
    faulty = [each for each in recordings if fold.leaves_out(each)]
    if fold.sets:
        return faulty
    validated = load(root, source, source.val, recipe.labels, recipe.rate_hz)
    return faulty + [each for each in validated if each.label in recipe.normal]


def _trained(recipe: Recipe, root: Path, fold: Fold) -> OnnxClassifier:
    """The float network, through ONNX Runtime, as the agent runs it."""
    remaining = [s for s in recipe.data if Path(s.folder).name not in fold.sets]
    kept = msgspec.structs.replace(recipe, data=tuple(remaining))
    recordings = [r for r in training_recordings(kept, root) if not fold.leaves_out(r)]
    network = train(kept, recordings, lambda step, loss: None)
    drawn = validation.calibration(kept, recordings)
    windows = validation.Labelled(drawn.samples, drawn.targets, drawn.running)
    checkpoint = calibrated(kept, network, recordings, windows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float32.onnx"
        export(checkpoint, file, contract_of(checkpoint))
        return classifier.load(file)


def _scores(
    network: OnnxClassifier, recipe: Recipe, recordings: Sequence[Recording]
) -> dict[str, float]:
    clean = validation.labelled(recordings, recipe)
    scores = model_file.scores(network, "", clean)
    return {condition: round(scores[f"_{condition}"], 4) for condition in CONDITIONS}
