"""The recordings that a model file is judged on, none of which training has seen a piece of."""

from collections.abc import Sequence
from pathlib import Path

from agent.core.model_contract import Contract
from models.data import leakage, listing
from models.data import recordings as data
from models.data.recipe import Source
from models.data.recordings import Recording


def recordings(
    contract: Contract, root: Path, source: Source, splits: Sequence[str]
) -> list[Recording]:
    """Those splits of a data set; UserError where the others hold a piece of one."""
    found = listing.entries(root / source.folder, source.variable)
    rest = [entry for entry in found if entry.split not in splits]
    leakage.check(rest, [entry for entry in found if entry.split in splits])
    return data.load(root, source, splits, contract.labels, contract.rate_hz)
