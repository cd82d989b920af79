"""Image trials as one record, the JSON beside its page: figures, confusions, what is zeroed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from torch import nn

from models.experiments.digits import sparsity, table
from models.experiments.digits.cluttered_digits import Array
from models.experiments.digits.evaluation import Cell
from models.experiments.digits.records import USUAL, Condition, DigitsRun
from models.experiments.digits.table import REFERENCE, SECTIONS, Figures, Runs

SCHEMA = "drsn-images/1"
SHOWN = (  # what is looked at closely
    Condition("none", None, USUAL),
    Condition("gaussian", 5, USUAL),
    Condition("pink", 5, USUAL),
    Condition("salt-and-pepper", 5, USUAL),
)


@dataclass(frozen=True)
class Look:
    """Canvases of a condition, and the share of channels zeroed in each unit's map of them."""

    cell: Cell
    maps: list[Array]


class Zeroed(msgspec.Struct, frozen=True):
    """Mean share of values that each unit's gate zeroes, where the digit is and elsewhere."""

    condition: Condition
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
    zeroed_seed: int
    zeroed: list[Zeroed]


def look(network: nn.Module, cell: Cell) -> Look:
    return Look(cell, sparsity.maps(network, cell.pixels))


def report(runs: Sequence[DigitsRun], seed: int, looked: Sequence[Look]) -> Report:
    """`looked`: what the REFERENCE of that seed zeroes in the conditions SHOWN."""
    found = table.by_family(runs)
    return Report(
        schema=SCHEMA,
        side=runs[0].side,
        images=len(runs[0].hits),
        families=[_family(name, own) for name, own in found.items()],
        confusion={named(shown): _confusion(found, shown) for shown in SHOWN},
        zeroed_seed=seed,
        zeroed=[_zeroed(each) for each in looked],
    )


def named(condition: Condition) -> str:
    if condition.snr_db is None:
        return f"no noise, {condition.fragments} fragments"
    return f"{condition.noise} {condition.snr_db} dB, {condition.fragments} fragments"


def _family(name: str, own: Mapping[int, DigitsRun]) -> Family:
    one = next(iter(own.values()))
    figures = {
        title: {str(seed): columns(run) for seed, run in own.items()}
        for title, columns in SECTIONS.items()
    }
    return Family(name, one.parameters, one.macs, figures)


def _confusion(found: Runs, condition: Condition) -> list[list[int]]:
    counts = [
        np.array(judged.confusion)
        for run in found[REFERENCE].values()
        for judged in run.judged
        if judged.condition == condition
    ]
    summed: list[list[int]] = np.sum(counts, axis=0).tolist()
    return summed


def _zeroed(each: Look) -> Zeroed:
    pairs = sparsity.in_and_out(each.maps, each.cell.clean.corners)
    return Zeroed(each.cell.condition, [own for own, _ in pairs], [rest for _, rest in pairs])
