"""One training of a network of spoken digits, and all measurements of its two files."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import validation
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.data.validation import Labelled
from models.evaluation import metrics, model_file
from models.evaluation.metrics import Indices
from models.export.onnx_export import contract_of, export
from models.export.quantize import quantize
from models.networks import cost
from models.speech import corpus, evaluation
from models.speech.evaluation import CONDITIONS, LEVELS_DB
from models.training import checkpoint as checkpoints
from models.training.checkpoint import Checkpoint
from models.training.progress import Progress, Say
from models.training.train import train
from models.training.train_and_calibrate import calibrated

PRECISIONS = ("float32", "int8")
FIGURES = "figures.json"
FIT_STEP = 2  # every second evaluation window fits the temperature and the farthest distance


@dataclass(frozen=True)
class Material:
    """What all trainings share: training recordings, and evaluation windows by condition."""

    recordings: list[Recording]
    windows: dict[str, Labelled]


class SpeechRun(msgspec.Struct, frozen=True):
    """`f1` by precision, then by condition; `agreement` of INT8 with float by condition.

    `recall` [labels] is that of the INT8 file, by condition. `snr_error_db` is None where the
    network does not estimate the SNR.
    """

    family: str
    seed: int
    parameters: int
    macs: int
    f1: dict[str, dict[str, float]]
    agreement: dict[str, float]
    recall: dict[str, list[float]]
    snr_error_db: float | None


def material(recipe: Recipe, root: Path) -> Material:
    """Reads the recipe's data sets; raises UserError where one is missing."""
    return Material(corpus.training(recipe, root), evaluation.evaluation_windows(recipe, root))


def run(recipe: Recipe, shared: Material, folder: Path, say: Say) -> SpeechRun:
    """Trains, exports, quantizes and measures into `folder`, except what is there already."""
    checkpoint = _checkpoint(recipe, shared, folder / "net.pt", say)
    files = {name: folder / f"{name}.onnx" for name in PRECISIONS}
    if not all(path.is_file() for path in files.values()):
        _write(checkpoint, shared, files)
    figures_file = folder / FIGURES
    if not figures_file.is_file():
        networks = {name: classifier.load(path) for name, path in files.items()}
        figures_file.write_bytes(msgspec.json.encode(_measured(checkpoint, shared, networks)))
    return msgspec.json.decode(figures_file.read_bytes(), type=SpeechRun)


def contract(checkpoint: Checkpoint) -> Contract:
    """The file's contract; its data include the synthetic speakers."""
    exported = contract_of(checkpoint)
    return msgspec.structs.replace(exported, data=(*exported.data, corpus.ESPEAK))


def _checkpoint(recipe: Recipe, shared: Material, path: Path, say: Say) -> Checkpoint:
    try:
        checkpoint = checkpoints.load(path)
    except UserError:
        checkpoint = None
    if (
        checkpoint is None
        or msgspec.structs.replace(checkpoint.recipe, decide=recipe.decide) != recipe
    ):
        network = train(recipe, shared.recordings, Progress(recipe, say).step)
        checkpoint = calibrated(recipe, network, shared.recordings, _pooled(shared.windows))
        checkpoints.save(checkpoint, path)
        for name in (*(f"{precision}.onnx" for precision in PRECISIONS), FIGURES):
            path.with_name(name).unlink(missing_ok=True)
    return checkpoint


def _pooled(windows: dict[str, Labelled]) -> Labelled:
    """Some windows of every condition."""
    return Labelled(
        *(
            np.concatenate([getattr(w, name)[::FIT_STEP] for w in windows.values()])
            for name in ("samples", "targets", "running")
        )
    )


def _write(checkpoint: Checkpoint, shared: Material, files: dict[str, Path]) -> None:
    export(checkpoint, files["float32"], contract(checkpoint))
    windows = validation.calibration(checkpoint.recipe, shared.recordings)
    int8 = msgspec.structs.replace(contract(checkpoint), precision="int8")
    quantize(files["float32"], files["int8"], windows, int8)


def _measured(
    checkpoint: Checkpoint, shared: Material, networks: dict[str, OnnxClassifier]
) -> SpeechRun:
    recipe, windows = checkpoint.recipe, shared.windows
    labels = {
        name: {c: model_file.labels_of(network, w.samples, w.running) for c, w in windows.items()}
        for name, network in networks.items()
    }
    counts = {
        name: {c: _confusion(windows[c], predicted, recipe) for c, predicted in by.items()}
        for name, by in labels.items()
    }
    return SpeechRun(
        family=recipe.family,
        seed=recipe.seed,
        parameters=cost.parameters(checkpoint.network),
        macs=cost.macs(checkpoint.network, recipe.channels, recipe.window),
        f1={
            name: {c: float(metrics.macro_f1(count)) for c, count in by.items()}
            for name, by in counts.items()
        },
        agreement={c: float(np.mean(labels["float32"][c] == labels["int8"][c])) for c in windows},
        recall={c: metrics.recall(count).tolist() for c, count in counts["int8"].items()},
        snr_error_db=_snr_error_db(networks["int8"], windows) if checkpoint.snr else None,
    )


def _confusion(windows: Labelled, labels: Indices, recipe: Recipe) -> Indices:
    return metrics.confusion(windows.targets, labels, len(recipe.labels))


def _snr_error_db(network: OnnxClassifier, windows: dict[str, Labelled]) -> float:
    """Root mean square over the windows that hold a word, at every level."""
    errors = []
    for name, level_db in zip(CONDITIONS[1:], LEVELS_DB, strict=True):
        spoken = windows[name].targets != corpus.LABELS.index(corpus.SILENCE)
        predictions = network.classify(windows[name].samples[spoken])
        errors += [float(prediction.snr_db or 0.0) - level_db for prediction in predictions]
    return float(np.sqrt(np.mean(np.square(errors))))
