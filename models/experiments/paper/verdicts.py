"""What the figures of the paper's protocol say, in words that are made from them."""

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
        f"{_said(gain, SECOND)}. The paper has {paper:+.2f} points: {_holds(gain, paper)}."
    )
    for other in (name for name in CONTROLS if name in noisy):
        found = _difference(noisy, other)
        yield f"{FIRST} minus {other}: {signed(found)} points: {_said(found, other)}."
    bare = _difference(clean, SECOND)
    yield f"On clean windows {FIRST} minus {SECOND} is {signed(bare)}: {_said(bare, SECOND)}."
    lost = {family: estimate(cells).mean - level[family] for family, cells in clean.items()}
    forget = [f"{family} {loss:.0f}" for family, loss in lost.items() if loss < FORGETS]
    if forget:
        yield (
            "**Trained in one noise, a model learns the noise.** Without it these lose more than "
            f"{-FORGETS:.0f} points: {', '.join(forget)}. No accuracy in the noise of training "
            "says that a model would serve where the noise is not known."
        )


def _difference(side: ByFamily, other: str) -> Estimate:
    return estimate(minus(side[FIRST], side[other]))


def _said(found: Estimate, other: str) -> str:
    if math.isnan(found.half):
        return "a single training, which says nothing of chance"
    if abs(found.mean) <= found.half:
        return "the interval holds zero, so no difference is shown"
    return f"{FIRST} is {'ahead of' if found.mean > 0 else 'behind'} {other}"


def _holds(found: Estimate, paper: float) -> str:
    if math.isnan(found.half):
        return "neither confirmed nor excluded"
    if abs(found.mean - paper) <= found.half:
        return "inside the interval"
    return "outside the interval, so that figure does not hold here"
