"""One training of a network of spoken digits, and everything that is measured of its two files."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.errors import UserError
from agent.core.model_contract import Contract
from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import validation
from models.data.recipe import Recipe
from models.data.recordings import Recording
from models.data.validation import Labelled
from models.evaluation import metrics, model_file
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
EVERY = 2  # of the windows judged, those that temperature and farthest distance are fitted to


@dataclass(frozen=True)
class Material:
    """What all trainings share: recordings to train on, windows to judge by, for each condition."""

    recordings: list[Recording]
    judged: dict[str, Labelled]


class SpeechRun(msgspec.Struct, frozen=True):
    """`f1` by precision, then by condition; `agreement` of INT8 with float by condition.

    `recall` [labels] is of the INT8 file, by condition. `snr_error_db` is None where the network
    does not estimate it.
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
    return Material(corpus.training(recipe, root), evaluation.judged(recipe, root))


def run(recipe: Recipe, shared: Material, folder: Path, say: Say) -> SpeechRun:
    """Trains, exports, quantizes and measures into `folder`; what is there is not made again."""
    saved = _checkpoint(recipe, shared, folder / "net.pt", say)
    files = {name: folder / f"{name}.onnx" for name in PRECISIONS}
    if not all(path.is_file() for path in files.values()):
        _write(saved, shared, files)
    figures_file = folder / FIGURES
    if not figures_file.is_file():
        networks = {name: classifier.load(path) for name, path in files.items()}
        figures_file.write_bytes(msgspec.json.encode(_measured(saved, shared, networks)))
    return msgspec.json.decode(figures_file.read_bytes(), type=SpeechRun)


def contract(saved: Checkpoint) -> Contract:
    """What the file says of itself; its synthetic speakers are part of its data."""
    found = contract_of(saved)
    return msgspec.structs.replace(found, data=(*found.data, corpus.ESPEAK))


def _checkpoint(recipe: Recipe, shared: Material, path: Path, say: Say) -> Checkpoint:
    try:
        saved = checkpoints.load(path)
    except UserError:
        saved = None
    if saved is None or msgspec.structs.replace(saved.recipe, decide=recipe.decide) != recipe:
        network = train(recipe, shared.recordings, Progress(recipe, say).step)
        saved = calibrated(recipe, network, shared.recordings, _pooled(shared.judged))
        checkpoints.save(saved, path)
        for name in (*(f"{each}.onnx" for each in PRECISIONS), FIGURES):
            path.with_name(name).unlink(missing_ok=True)
    return saved


def _pooled(judged: dict[str, Labelled]) -> Labelled:
    """Some windows of every condition."""
    return Labelled(
        *(
            np.concatenate([getattr(each, name)[::EVERY] for each in judged.values()])
            for name in ("samples", "targets", "running")
        )
    )


def _write(saved: Checkpoint, shared: Material, files: dict[str, Path]) -> None:
    export(saved, files["float32"], contract(saved))
    windows = validation.calibration(saved.recipe, shared.recordings)
    whole = msgspec.structs.replace(contract(saved), precision="int8")
    quantize(files["float32"], files["int8"], windows, whole)


def _measured(
    saved: Checkpoint, shared: Material, networks: dict[str, OnnxClassifier]
) -> SpeechRun:
    recipe, judged = saved.recipe, shared.judged
    found = {
        name: {c: model_file.labels_of(network, w.samples, w.running) for c, w in judged.items()}
        for name, network in networks.items()
    }
    return SpeechRun(
        family=recipe.family,
        seed=recipe.seed,
        parameters=cost.parameters(saved.network),
        macs=cost.macs(saved.network, recipe.channels, recipe.window),
        f1={
            name: {c: model_file.macro_f1(judged[c].targets, labels) for c, labels in said.items()}
            for name, said in found.items()
        },
        agreement={c: float(np.mean(found["float32"][c] == found["int8"][c])) for c in judged},
        recall={c: _recall(judged[c], found["int8"][c], len(recipe.labels)) for c in judged},
        snr_error_db=_snr_error_db(networks["int8"], judged) if saved.snr else None,
    )


def _recall(judged: Labelled, found: npt.NDArray[np.int64], classes: int) -> list[float]:
    return [
        float(each) for each in metrics.recall(metrics.confusion(judged.targets, found, classes))
    ]


def _snr_error_db(network: OnnxClassifier, judged: dict[str, Labelled]) -> float:
    """Root mean square over windows that hold a word, at the levels judged."""
    errors = []
    for name, level_db in zip(CONDITIONS[1:], LEVELS_DB, strict=True):
        spoken = judged[name].targets != corpus.LABELS.index(corpus.SILENCE)
        said = network.classify(judged[name].samples[spoken])
        errors += [float(answer.snr_db or 0.0) - level_db for answer in said]
    return float(np.sqrt(np.mean(np.square(errors))))
