"""Sentences about the figures of the paper's protocol, made from the figures."""

import math
from collections.abc import Iterator, Mapping

from models.experiments.paper.figures import Cells, Estimate, estimate, minus, signed

# Mean test accuracy in per cent, Zhao et al. 2020, table III.
PUBLISHED = {"convnet": 77.62, "resnet": 86.25, "drsn-cs": 88.55, "drsn-cw": 89.57}
FIRST, SECOND = "drsn-cw", "resnet"  # whose difference is the paper's claim
CONTROLS = ("wdcnn", "extra-trees")
FORGETS = -10.0  # points: a model that loses more without its noise has learned the noise

ByFamily = Mapping[str, Cells]


def verdicts(noisy: ByFamily, clean: ByFamily) -> str:
    """A Markdown list; needs runs of DRSN-CW and ResNet."""
    return "\n".join(f"- {sentence}" for sentence in _sentences(noisy, clean))


def _sentences(noisy: ByFamily, clean: ByFamily) -> Iterator[str]:
    level = {family: estimate(cells).mean for family, cells in noisy.items()}
    best = max(level, key=lambda family: level[family])
    yield f"**Best in the noise of training: {best}**, {level[best]:.1f} %."
    gain = _difference(noisy, SECOND)
    paper = PUBLISHED[FIRST] - PUBLISHED[SECOND]
    yield (
        f"**{FIRST} minus {SECOND}: {signed(gain)} points** in the noise of training: "
        f"{_worded(gain, SECOND)}. The paper has {paper:+.2f} points: {_compared(gain, paper)}."
    )
    for family in (name for name in CONTROLS if name in noisy):
        difference = _difference(noisy, family)
        yield f"{FIRST} minus {family}: {signed(difference)} points: {_worded(difference, family)}."
    bare = _difference(clean, SECOND)
    yield f"On clean windows {FIRST} minus {SECOND} is {signed(bare)}: {_worded(bare, SECOND)}."
    lost = {family: estimate(cells).mean - level[family] for family, cells in clean.items()}
    forget = [f"{family} {loss:.0f}" for family, loss in lost.items() if loss < FORGETS]
    if forget:
        yield (
            "**Trained in one noise, a model learns the noise.** Without it these lose more than "
            f"{-FORGETS:.0f} points: {', '.join(forget)}. No accuracy in the noise of training "
            "says that a model would serve where the noise is not known."
        )


def _difference(side: ByFamily, family: str) -> Estimate:
    return estimate(minus(side[FIRST], side[family]))


def _worded(difference: Estimate, family: str) -> str:
    if math.isnan(difference.half):
        return "a single training, which says nothing of chance"
    if abs(difference.mean) <= difference.half:
        return "the interval holds zero, so no difference is shown"
    return f"{FIRST} is {'ahead of' if difference.mean > 0 else 'behind'} {family}"


def _compared(difference: Estimate, paper: float) -> str:
    if math.isnan(difference.half):
        return "neither confirmed nor excluded"
    if abs(difference.mean - paper) <= difference.half:
        return "inside the interval"
    return "outside the interval, so that figure does not hold here"
