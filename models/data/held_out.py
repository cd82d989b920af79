"""Recordings for evaluation, checked to hold no piece of a training recording."""

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
    """The recordings of `splits`; raises UserError where another split holds a piece of one."""
    entries = listing.entries(root / source.folder, source.variable)
    rest = [entry for entry in entries if entry.split not in splits]
    leakage.check(rest, [entry for entry in entries if entry.split in splits])
    return data.load(root, source, splits, contract.labels, contract.rate_hz)
