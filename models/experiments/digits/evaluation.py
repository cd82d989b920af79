"""Trained networks on canvases of images held back: the same canvases for every network."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from torch import nn

from models.evaluation import metrics
from models.experiments.digits import cluttered_digits
from models.experiments.digits.cluttered_digits import (
    CLASSES,
    NOISES,
    Array,
    ClutteredDigits,
    Digits,
    Indices,
)
from models.experiments.digits.records import Condition, Judged
from models.networks import images

PER_IMAGE = 2  # canvases of each image in each condition
JUDGE_SEED = 977


@dataclass(frozen=True)
class Cell:
    """Canvases of one condition, and the place of each one's image in its side [n]."""

    condition: Condition
    pixels: Array
    clean: ClutteredDigits
    origins: Indices


def cell(digits: Digits, condition: Condition, per_image: int = PER_IMAGE) -> Cell:
    """The canvases of a condition, the same whenever they are made."""
    rng = np.random.default_rng([JUDGE_SEED, *msgspec.json.encode(condition)])
    origins = np.repeat(np.arange(len(digits.targets)), per_image)
    clean = cluttered_digits.place(digits, origins, np.full(len(origins), condition.fragments), rng)
    if condition.snr_db is None:
        return Cell(condition, clean.pixels, clean, origins)
    noisy = cluttered_digits.add(clean, condition.snr_db, NOISES[condition.noise], rng)
    return Cell(condition, noisy, clean, origins)


def judge(network: nn.Module, cells: Sequence[Cell]) -> tuple[list[Judged], list[int]]:
    """The confusion in every condition, and the hits in noise of every image."""
    found, hits = [], np.zeros(cells[0].origins.max() + 1, np.int64)
    for each in cells:
        said = answers(network, each.pixels)
        counts = metrics.confusion(each.clean.targets, said, CLASSES)
        found.append(Judged(each.condition, counts.tolist()))
        if each.condition.snr_db is not None:
            hits += np.bincount(each.origins, said == each.clean.targets).astype(np.int64)
    return found, hits.tolist()


def answers(network: nn.Module, pixels: Array) -> Indices:
    """[n, 1, rows, columns] -> the digit said [n]."""
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(pixels), 256)
        found = torch.cat([network(images.standardized(part))[0].argmax(1) for part in parts])
    return np.asarray(found.numpy())
