"""Classical classifiers of lines: what a network along orders has to be better than.

All see the same thirty lines (`line_features`) of 1.6 s, drawn from the recordings, simulated
machines and noise that the left-out network is trained on; seeds are fixed. Free of torch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.core.bearing import Orders
from agent.diagnosis.bearing_lines import NAMES_DB
from models.data.batches import Batch, batches
from models.data.recipe import Recipe, RunningInput
from models.data.recordings import Recording
from models.experiments.unseen.line_features import HARMONICS, SERIES, features

FRAMES = 16_384  # at 10 kHz: four windows of the network
WINDOWS = 6_400  # for training, each with fresh noise
SEED = 0
HIDDEN = 16  # of the perceptron: 564 weights, about the 570 of the paper
FIRST_LINES = 3  # of a series, for the rule that learns nothing
NO_LEARNING = "lines, no learning"
PARTS = ("outer", "inner", "ball")  # in the order of the series

Rows = npt.NDArray[np.float32]


class Classifier(Protocol):
    """Probabilities [n, labels] of rows of lines [n, features]."""

    def predict_proba(self, rows: Rows) -> npt.NDArray[np.float64]: ...


class NoLearning:
    """The series whose first lines stand out most names the fault, if they do by 10 dB."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)

    def predict_proba(self, rows: Rows) -> npt.NDArray[np.float64]:
        series = rows.reshape(len(rows), len(SERIES), HARMONICS)[:, :, :FIRST_LINES].mean(-1)
        names = [PARTS[int(row.argmax())] if row.max() >= NAMES_DB else "normal" for row in series]
        return np.asarray([[float(label == name) for label in self._labels] for name in names])


def trained(recipe: Recipe, recordings: Sequence[Recording]) -> Mapping[str, Classifier]:
    """Every classifier by its name, with the recipe's labels in their order."""
    rows, targets = _drawn(recipe, recordings)
    learners: dict[str, Any] = {
        "lines, logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=1000, random_state=SEED)
        ),
        f"lines, perceptron of {HIDDEN}": make_pipeline(
            StandardScaler(), MLPClassifier((HIDDEN,), early_stopping=True, random_state=SEED)
        ),
        "lines, 200 extra trees": ExtraTreesClassifier(200, min_samples_leaf=3, random_state=SEED),
    }
    fitted: dict[str, Classifier] = {
        name: learner.fit(rows, targets) for name, learner in learners.items()
    }
    return {NO_LEARNING: NoLearning(recipe.labels)} | fitted


def _drawn(recipe: Recipe, recordings: Sequence[Recording]) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Rows and label indices of windows whose speed and orders are told."""
    told = RunningInput(rpm_off=0.0, no_orders=0.0, nothing=0.0)
    longer = msgspec.structs.replace(recipe, window=FRAMES, running=told)
    long_enough = [each for each in recordings if each.samples.shape[-1] >= FRAMES]
    stream = batches(long_enough, longer, np.random.default_rng(SEED))
    drawn = [next(stream) for _ in range(-(-WINDOWS // recipe.batch))]
    rows = np.concatenate([_rows(batch, recipe.rate_hz) for batch in drawn])
    return rows, np.concatenate([batch.targets for batch in drawn])


def _rows(batch: Batch, rate_hz: float) -> Rows:
    return np.stack(
        [
            features(samples[0], rate_hz, float(running[0]), _orders(running))
            for samples, running in zip(batch.samples, batch.running, strict=True)
        ]
    )


def _orders(running: npt.NDArray[np.float32]) -> Orders:
    bpfo, bpfi, bsf, ftf = (float(order) for order in running[1:])
    return Orders(bpfo=bpfo, bpfi=bpfi, bsf=bsf, ftf=ftf)
