"""Writes one trained network as two files, float and INT8, and measures both."""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from agent.inference import classifier
from agent.inference.classifier import OnnxClassifier
from models.data import validation
from models.data.recipe import Recipe
from models.data.simulate import MACHINE
from models.evaluation import model_file
from models.export.onnx_export import contract_of, export
from models.export.quantize import quantize
from models.networks import cost
from models.training.checkpoint import Checkpoint, untrained
from models.training.train import training_recordings

UNTOLD = "untold"  # begins the names of figures without speed and bearing orders


@dataclass(frozen=True)
class Files:
    """The two forms of one network on disk."""

    float32: Path
    int8: Path


@dataclass(frozen=True)
class Measured:
    """Costs and figures of one network. `figures` are by precision, then by condition."""

    family: str
    parameters: int
    macs: int
    figures: dict[str, dict[str, float]]
    agreement: dict[str, float]  # INT8 with float, by condition
    window_us: dict[str, dict[str, float]]  # by batch, then by precision
    measures_distance: bool  # so that it can call a window unlike all training


def write_files(checkpoint: Checkpoint, root: Path, folder: Path) -> Files:
    """Exports and quantizes the network into `folder`."""
    files = Files(folder / "float32.onnx", folder / "int8.onnx")
    contract = contract_of(checkpoint)
    export(checkpoint, files.float32, contract)
    windows = validation.calibration(
        checkpoint.recipe, training_recordings(checkpoint.recipe, root)
    )
    int8 = msgspec.structs.replace(contract, precision="int8")
    quantize(files.float32, files.int8, windows, int8)
    return files


def measure(recipe: Recipe, root: Path, files: Files) -> Measured:
    """Measures every figure of the card on the files themselves."""
    network = untrained(recipe)
    networks = {"float32": classifier.load(files.float32), "int8": classifier.load(files.int8)}
    clean = validation.together(recipe, root).samples
    batches = {"1": clean[:1], "16": clean[:16]}
    return Measured(
        family=recipe.family,
        parameters=cost.parameters(network),
        macs=cost.macs(network, recipe.channels, recipe.window),
        figures={name: _figures(recipe, root, each) for name, each in networks.items()},
        agreement=_agreement(recipe, root, networks),
        window_us={size: model_file.window_us(networks, batch) for size, batch in batches.items()},
        measures_distance=networks["int8"].contract.max_distance is not None,
    )


def _figures(recipe: Recipe, root: Path, network: OnnxClassifier) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, clean in validation.per_set(recipe, root):
        figures |= model_file.scores(network, name, clean)
        if network.reads_running:
            nothing = replace(clean, running=np.zeros_like(clean.running))
            figures |= model_file.scores(network, f"{UNTOLD}_{name}", nothing)
    if recipe.simulated:
        figures |= model_file.recognition(network, recipe.labels, validation.simulated(recipe))
    if network.estimates_snr:
        noisy, snr_db = validation.in_noise(validation.together(recipe, root), recipe)
        figures["snr_error_db"] = model_file.snr_error_db(network, noisy, snr_db)
    return figures


def _agreement(recipe: Recipe, root: Path, networks: dict[str, OnnxClassifier]) -> dict[str, float]:
    """Share of validation windows, clean and noisy, with the same label from both files."""
    clean = validation.together(recipe, root)
    noisy, _ = validation.in_noise(clean, recipe)
    under = {"clean": clean, "noisy": noisy}
    if recipe.simulated:
        under[MACHINE] = validation.simulated(recipe)
    return {
        f"agreement_{name}": model_file.agreement(networks["float32"], networks["int8"], windows)
        for name, windows in under.items()
    }
