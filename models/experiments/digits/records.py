"""What image trials write down: conditions, and what a network said in each. Free of torch."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from models.experiments.digits.cluttered_digits import NOISES

LEVELS_DB = (-5, 0, 5, 10, 15)
COUNTS = (0, 1, 2, 4, 8)  # of fragments; training shows no 8
USUAL = 2  # fragments where the noise is what varies


class Condition(msgspec.Struct, frozen=True):
    """`noise` 'none' has no `snr_db`."""

    noise: str
    snr_db: int | None
    fragments: int


class Judged(msgspec.Struct, frozen=True):
    """What a network said in one condition: counts [true][said]."""

    condition: Condition
    confusion: list[list[int]]


class DigitsRun(msgspec.Struct, frozen=True):
    """One network trained once. `hits`: of each judged image, canvases called right in noise."""

    family: str
    seed: int
    side: str
    parameters: int
    macs: int
    train_s: float  # of processor time
    judged: list[Judged]
    hits: list[int]

    @property
    def noisy(self) -> int:
        """Noisy canvases of each image."""
        noisy = [one.confusion for one in self.judged if one.condition.snr_db is not None]
        return sum(sum(map(sum, counts)) for counts in noisy) // len(self.hits)


def conditions() -> Iterator[Condition]:
    """Everything that a network is judged in."""
    for count in COUNTS:
        yield Condition("none", None, count)
        yield Condition("gaussian", 0, count)
    for noise in NOISES:
        for level in LEVELS_DB:
            if (noise, level) != ("gaussian", 0):
                yield Condition(noise, level, USUAL)


def load(path: Path) -> list[DigitsRun]:
    """All runs in a file of results; none where there is no file."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=DigitsRun) for line in lines]
