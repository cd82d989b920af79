"""The records of image trials: conditions, and a network's results in each. Free of torch."""

from collections.abc import Iterator

import msgspec

from models.experiments.digits.cluttered_digits import NOISES

LEVELS_DB = (-5, 0, 5, 10, 15)
COUNTS = (0, 1, 2, 4, 8)  # of fragments; training shows no 8
USUAL = 2  # fragments where the noise is what varies


class CanvasCondition(msgspec.Struct, frozen=True):
    """Noise, SNR and number of fragments. The noise 'none' has no `snr_db`."""

    noise: str
    snr_db: int | None
    fragments: int


class Result(msgspec.Struct, frozen=True):
    """A network's confusion matrix in one condition: counts [true][predicted]."""

    condition: CanvasCondition
    confusion: list[list[int]]


class DigitsRun(msgspec.Struct, frozen=True):
    """One network trained once. `hits`: the noisy canvases of each image with the right label."""

    family: str
    seed: int
    side: str
    parameters: int
    macs: int
    train_s: float  # of processor time
    results: list[Result] = msgspec.field(name="judged")
    hits: list[int]

    @property
    def noisy(self) -> int:
        """The number of noisy canvases of each image."""
        noisy = [r.confusion for r in self.results if r.condition.snr_db is not None]
        return sum(sum(map(sum, counts)) for counts in noisy) // len(self.hits)


def conditions() -> Iterator[CanvasCondition]:
    """All conditions that a network is tested in."""
    for count in COUNTS:
        yield CanvasCondition("none", None, count)
        yield CanvasCondition("gaussian", 0, count)
    for noise in NOISES:
        for level in LEVELS_DB:
            if (noise, level) != ("gaussian", 0):
                yield CanvasCondition(noise, level, USUAL)
