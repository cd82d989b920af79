"""A trained network on disk, with the recipe and calibration that an export needs."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from agent.core import files
from agent.core.errors import ConditionError, UserError
from models.data.recipe import Recipe
from models.networks.dimensions import Dimensions
from models.networks.distance import Rows
from models.networks.registry import build
from models.training.calibrate import SnrLine


@dataclass(frozen=True)
class Checkpoint:
    """`temperature` divides the logits; `snr` is None where the family has no thresholds.

    `models.networks.distance` measures the distance from `near` [typical windows, features]. A
    window farther than `max_distance` is unlike everything in training.
    """

    recipe: Recipe
    network: nn.Module
    temperature: float
    snr: SnrLine | None
    near: Rows | None = None
    max_distance: float | None = None


def untrained(recipe: Recipe) -> nn.Module:
    """The recipe's network before training."""
    size = Dimensions(recipe.channels, recipe.window, len(recipe.labels), recipe.rate_hz)
    return build(recipe.family, recipe.preset, size)


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes the checkpoint; an interruption leaves the file as it was."""
    snr = checkpoint.snr
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    torch.save(
        {
            "recipe": msgspec.json.encode(checkpoint.recipe),
            "state": checkpoint.network.state_dict(),
            "temperature": checkpoint.temperature,
            "snr": (snr.weight, snr.bias) if snr else None,
            "near": None if checkpoint.near is None else torch.from_numpy(checkpoint.near),
            "max_distance": checkpoint.max_distance,
        },
        part,
    )
    files.move_into_place(part, path)


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint that `drsn-agent train` wrote; raises UserError for any other file."""
    try:
        stored = torch.load(path, weights_only=True)
        recipe = msgspec.json.decode(stored["recipe"], type=Recipe)
        network = untrained(recipe)
        network.load_state_dict(stored["state"])
        snr = SnrLine(*stored["snr"]) if stored["snr"] else None
        near = None if stored["near"] is None else stored["near"].numpy()
        far = stored["max_distance"]
        return Checkpoint(recipe, network.eval(), stored["temperature"], snr, near, far)
    except OSError as error:
        raise ConditionError(f"{path}: {error.strerror}, expected a checkpoint") from None
    except (KeyError, TypeError, RuntimeError, pickle.UnpicklingError, msgspec.MsgspecError):
        raise UserError(f"{path}: found no checkpoint made by `drsn-agent train`") from None
