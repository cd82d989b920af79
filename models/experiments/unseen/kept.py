"""What was measured, kept beside the networks, so that tables can be written again."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.core import files
from agent.core.errors import UserError
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.rows import Row

CACHE = Path("runs/unseen")


def save(part: str, training: Training, rows: Iterable[Row]) -> list[Row]:
    """The same rows, kept."""
    measured = list(rows)
    CACHE.mkdir(parents=True, exist_ok=True)
    files.write(_file(part, training), msgspec.json.encode(measured))
    return measured


def load(part: str, training: Training) -> list[Row]:
    """`UserError` where that part was not measured yet."""
    file = _file(part, training)
    if not file.is_file():
        raise UserError(f"{file}: not there, expected what `--only {part}` measures: run it first")
    return msgspec.json.decode(file.read_bytes(), type=list[Row])


def is_there(part: str, training: Training) -> bool:
    return _file(part, training).is_file()


def _file(part: str, training: Training) -> Path:
    return CACHE / f"{training.name}-{part}.json"
