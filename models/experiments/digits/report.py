"""The figures of image trials as one record: macro-F1, confusions, sparsity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from torch import nn

from models.experiments.digits import sparsity, table
from models.experiments.digits.cluttered_digits import Array
from models.experiments.digits.evaluation import CanvasSet
from models.experiments.digits.records import USUAL, CanvasCondition, DigitsRun
from models.experiments.digits.table import REFERENCE, SECTIONS, Figures, Runs

SCHEMA = "drsn-images/1"
SAMPLED = (  # conditions with pictures
    CanvasCondition("none", None, USUAL),
    CanvasCondition("gaussian", 5, USUAL),
    CanvasCondition("pink", 5, USUAL),
    CanvasCondition("salt-and-pepper", 5, USUAL),
)


@dataclass(frozen=True)
class Sample:
    """Canvases of one condition, and the maps of their sparsity in each unit."""

    canvases: CanvasSet
    maps: list[Array]


class Sparsity(msgspec.Struct, frozen=True):
    """The mean share of zeros after each unit's threshold, at the digit and elsewhere."""

    condition: CanvasCondition
    inside: list[float]
    outside: list[float]


class Family(msgspec.Struct, frozen=True):
    """Macro-F1 in per cent: section -> seed -> column."""

    family: str
    parameters: int
    macs: int
    macro_f1: dict[str, dict[str, Figures]]


class Report(msgspec.Struct, frozen=True):
    """The figures of the page. Confusions are REFERENCE's, over all its seeds."""

    schema: str
    side: str
    images: int
    families: list[Family]
    confusion: dict[str, list[list[int]]]
    sparsity_seed: int = msgspec.field(name="zeroed_seed")
    sparsity: list[Sparsity] = msgspec.field(name="zeroed")


def sample_of(network: nn.Module, canvases: CanvasSet) -> Sample:
    """The canvases with the sparsity of the network's maps of them."""
    return Sample(canvases, sparsity.maps(network, canvases.pixels))


def report(runs: Sequence[DigitsRun], seed: int, samples: Sequence[Sample]) -> Report:
    """`samples` are of the REFERENCE with `seed`, in the conditions SAMPLED."""
    families = table.by_family(runs)
    return Report(
        schema=SCHEMA,
        side=runs[0].side,
        images=len(runs[0].hits),
        families=[_family(name, by_seed) for name, by_seed in families.items()],
        confusion={named(condition): _confusion(families, condition) for condition in SAMPLED},
        sparsity_seed=seed,
        sparsity=[_sparsity(sample) for sample in samples],
    )


def named(condition: CanvasCondition) -> str:
    """The name of a condition in tables and on the page."""
    if condition.snr_db is None:
        return f"no noise, {condition.fragments} fragments"
    return f"{condition.noise} {condition.snr_db} dB, {condition.fragments} fragments"


def _family(name: str, by_seed: Mapping[int, DigitsRun]) -> Family:
    run = next(iter(by_seed.values()))
    figures = {
        title: {str(seed): columns(run) for seed, run in by_seed.items()}
        for title, columns in SECTIONS.items()
    }
    return Family(name, run.parameters, run.macs, figures)


def _confusion(families: Runs, condition: CanvasCondition) -> list[list[int]]:
    counts = [
        np.array(result.confusion)
        for run in families[REFERENCE].values()
        for result in run.results
        if result.condition == condition
    ]
    summed: list[list[int]] = np.sum(counts, axis=0).tolist()
    return summed


def _sparsity(sample: Sample) -> Sparsity:
    pairs = sparsity.in_and_out(sample.maps, sample.canvases.clean.corners)
    inside, outside = zip(*pairs, strict=True)
    return Sparsity(sample.canvases.condition, list(inside), list(outside))
