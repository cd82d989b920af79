"""Tests trained networks on canvases of test images, the same canvases for every network."""

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
from models.experiments.digits.records import CanvasCondition, Result
from models.networks import images

PER_IMAGE = 2  # canvases of each image in each condition
TEST_SEED = 977


@dataclass(frozen=True)
class CanvasSet:
    """Canvases of one condition, and the index of each canvas's image in its side [n]."""

    condition: CanvasCondition
    pixels: Array
    clean: ClutteredDigits
    origins: Indices


def canvas_set(digits: Digits, condition: CanvasCondition, per_image: int = PER_IMAGE) -> CanvasSet:
    """The canvases of a condition, always the same."""
    rng = np.random.default_rng([TEST_SEED, *msgspec.json.encode(condition)])
    origins = np.repeat(np.arange(len(digits.targets)), per_image)
    clean = cluttered_digits.place(digits, origins, np.full(len(origins), condition.fragments), rng)
    if condition.snr_db is None:
        return CanvasSet(condition, clean.pixels, clean, origins)
    noisy = cluttered_digits.add(clean, condition.snr_db, NOISES[condition.noise], rng)
    return CanvasSet(condition, noisy, clean, origins)


def evaluate(network: nn.Module, sets: Sequence[CanvasSet]) -> tuple[list[Result], list[int]]:
    """The confusion in every condition, and the hits in noise of every image."""
    results, hits = [], np.zeros(sets[0].origins.max() + 1, np.int64)
    for canvases in sets:
        labels, targets = classify(network, canvases.pixels), canvases.clean.targets
        counts = metrics.confusion(targets, labels, CLASSES)
        results.append(Result(canvases.condition, counts.tolist()))
        if canvases.condition.snr_db is not None:
            hits += np.bincount(canvases.origins, labels == targets).astype(np.int64)
    return results, hits.tolist()


def classify(network: nn.Module, pixels: Array) -> Indices:
    """[n, 1, rows, columns] -> the most probable digit [n]."""
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(pixels), 256)
        labels = torch.cat([network(images.standardized(part))[0].argmax(1) for part in parts])
    return np.asarray(labels.numpy())
