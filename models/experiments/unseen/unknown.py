"""What a limit on the distance catches of a network's sure errors, and what it costs.

A window is `unknown` where its distance from all training lies beyond `max_distance`. The limit is
a quantile of the distances of known windows: the validation windows in noise of the network's own
recipe. Catch and cost are counted on machines that the network has not seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.inference import classifier, zoo
from models.data import recipe as recipes
from models.data import validation
from models.data.recipe import Recipe
from models.experiments.unseen import left_out
from models.experiments.unseen.document import Marks
from models.experiments.unseen.figures import NOTHING, SURE, Share, is_bearing_fault, parts
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.machines import ORDERS
from models.experiments.unseen.rows import WITHOUT, Row
from models.experiments.unseen.runs import ClipResult

MARKS: Marks = ("<!-- unknown: make unseen -->", "<!-- end of unknown -->")
SHARES = (0.001, 0.03, 0.1)  # of known windows beyond the limit; the first is that of the recipes
JUDGED = "mfs_compound"  # beside the rigs left out; nobody chose by it
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Catch:
    """Sure errors and right windows beyond a limit."""

    errors: Share
    right: Share

    def __add__(self, other: "Catch") -> "Catch":
        return Catch(self.errors + other.errors, self.right + other.right)


@dataclass(frozen=True)
class Network:
    """Distances of known windows [windows], and what was heard of a machine that it has not seen.

    `distances` and `right` [windows], and which of them it was more than 0.9 sure of.
    """

    validation: Numbers
    distances: Numbers
    right: npt.NDArray[np.bool_]
    sure: npt.NDArray[np.bool_]

    def catch(self, share: float) -> Catch:
        """Where that share of the known windows lies beyond the limit."""
        beyond = self.distances > np.quantile(self.validation, 1 - share)
        errors = self.sure & ~self.right
        return Catch(_of(beyond, errors), _of(beyond, self.right))

    def ranks(self) -> float | None:
        """AUROC of the distance, sure errors against sure right windows; None without either."""
        wrong, right = (
            self.distances[self.sure & ~self.right],
            self.distances[self.sure & self.right],
        )
        if not len(wrong) or not len(right):
            return None
        lower = np.searchsorted(np.sort(right), wrong, "left")
        equal = np.searchsorted(np.sort(right), wrong, "right") - lower
        return float((lower + equal / 2).mean() / len(right))


def networks(
    rows: Sequence[Row], data: Path, cache: Path, training: Training
) -> Mapping[str, Network]:
    """By the machine that each has not seen: the rigs left out, and `mfs_compound`."""
    heard: dict[str, list[ClipResult]] = {}
    for row in rows:
        for result in row.results if row.name == WITHOUT else ():
            heard.setdefault(result.machine, []).append(result)
    places = {left.rig: left_out.place(left, cache, training) for left in left_out.RIGS}
    found = {
        rig: _network(
            recipes.load(place / "recipe.yaml"), place / "data", place / "network.onnx", heard[rig]
        )
        for rig, place in places.items()
        if rig in heard
    }
    if JUDGED in heard:
        released = recipes.load(left_out.RECIPE)
        found[JUDGED] = _network(released, data, zoo.find(ORDERS), heard[JUDGED])
    return found


def together(networks: Mapping[str, Network], share: float) -> Catch:
    """Of all rigs left out."""
    caught = [each.catch(share) for name, each in networks.items() if name != JUDGED]
    return sum(caught, Catch(NOTHING, NOTHING))


def tables(networks: Mapping[str, Network]) -> Iterator[str]:
    """Markdown: a row for each share of known windows beyond the limit, and who is judged."""
    yield "### What a limit on the distance catches: windows"
    yield ""
    yield (
        "| known windows beyond the limit | machine | sure errors beyond it | right windows "
        "beyond it | AUROC, sure errors against sure right windows |"
    )
    yield "|---|---|---|---|---|"
    for share in SHARES:
        for name, network in networks.items():
            yield _cells(share, name, network.catch(share), _ranks(network))
        yield _cells(share, "**rigs left out**", together(networks, share), "-")


def _cells(share: float, name: str, catch: Catch, ranks: str) -> str:
    return f"| {100 * share:g} % | {name} | {catch.errors} | {catch.right} | {ranks} |"


def _ranks(network: Network) -> str:
    ranks = network.ranks()
    return "-" if ranks is None else f"{ranks:.2f}"


def _of(beyond: npt.NDArray[np.bool_], members: npt.NDArray[np.bool_]) -> Share:
    return Share(int((beyond & members).sum()), int(members.sum()))


def _network(recipe: Recipe, root: Path, model: Path, results: Sequence[ClipResult]) -> Network:
    windows = [
        (window.distance or 0.0, window.network in parts(clip.label), window.probability > SURE)
        for clip in results
        if clip.label == "normal" or is_bearing_fault(clip.label)
        for window in clip.windows
        if window.network is not None
    ]
    distances, right, sure = (np.array(column) for column in zip(*windows, strict=True))
    return Network(_validation(recipe, root, model), distances.astype(float), right, sure)


def _validation(recipe: Recipe, root: Path, model: Path) -> Numbers:
    noisy, _ = validation.in_noise(validation.together(recipe, root), recipe)
    predictions = classifier.load(model).classify(noisy.samples, noisy.running)
    return np.array([each.distance or 0.0 for each in predictions])
