"""Extra trees on the features of classical bearing analysis: a baseline for the networks.

Geurts, Ernst, Wehenkel: "Extremely randomized trees", Machine Learning 63, 2006. The features
are those of classical bearing analysis (Randall, Antoni: "Rolling element bearing diagnostics:
a tutorial", Mechanical Systems and Signal Processing 25, 2011). Free of torch.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import hilbert
from scipy.stats import kurtosis, skew
from sklearn.ensemble import ExtraTreesClassifier

from models.data.batches import batches
from models.data.recipe import Recipe
from models.data.recordings import Array, Recording

TREES = 200
WINDOWS = 12_800  # for training: a hundred batches with fresh noise
BANDS = 64  # of a spectrum
ENVELOPE_SHARE = 8  # the lowest eighth of the envelope's spectrum: impacts come below 1 kHz
EPSILON = 1e-9  # relative power added to each band: keeps logarithms finite

Indices = npt.NDArray[np.int64]


def features(samples: Array) -> Array:
    """Windows [n, channels, window] -> [n, channels * features], independent of gain and offset.

    Features of each channel: the logarithms of its spectrum and of its envelope's spectrum in
    bands, both relative to their sums, and statistics of its amplitudes.
    """
    centred = samples - samples.mean(-1, keepdims=True)
    rms = np.sqrt((centred**2).mean(-1, keepdims=True)).clip(1e-12)
    x = centred / rms
    envelope = np.abs(hilbert(x))
    low = envelope.shape[-1] // (2 * ENVELOPE_SHARE)
    parts = [_bands(_power(x)), _bands(_power(envelope)[..., :low]), _amplitudes(x, envelope)]
    return np.concatenate(parts, -1).reshape(len(samples), -1).astype(np.float32)


def train(recipe: Recipe, recordings: Sequence[Recording]) -> ExtraTreesClassifier:
    """Trees trained on windows like those of the recipe's network, but fewer."""
    stream = batches(recordings, recipe, np.random.default_rng(recipe.seed))
    drawn = [next(stream) for _ in range(-(-WINDOWS // recipe.batch))]
    rows = np.concatenate([features(batch.samples) for batch in drawn])
    return fit(rows, np.concatenate([batch.targets for batch in drawn]), recipe.seed)


def fit(rows: Array, targets: Indices, seed: int) -> ExtraTreesClassifier:
    """Trees from features [n, features] and label indices [n]; the same for the same seed."""
    return ExtraTreesClassifier(TREES, random_state=seed, n_jobs=1).fit(rows, targets)


def classify(trees: ExtraTreesClassifier, samples: Array) -> Indices:
    """Windows [n, channels, window] -> label indices [n]."""
    return np.asarray(trees.predict(features(samples)), np.int64)


def nodes(trees: ExtraTreesClassifier) -> int:
    """The nodes of all trees, the counterpart of a network's parameters."""
    return sum(int(tree.tree_.node_count) for tree in trees.estimators_)


def _power(x: Array) -> Array:
    """[..., frames] -> power at each frequency above zero, relative to their sum."""
    power = np.abs(np.fft.rfft(x - x.mean(-1, keepdims=True))[..., 1:]) ** 2
    relative: Array = power / power.sum(-1, keepdims=True).clip(1e-30)
    return relative


def _bands(power: Array) -> Array:
    """[..., bins] -> logarithm of the power in BANDS equal bands (fewer where bins are fewer)."""
    bins = power.shape[-1]
    edges = np.linspace(0, bins, min(BANDS, bins), endpoint=False).astype(int)
    logs: Array = np.log(np.add.reduceat(power, edges, axis=-1) + EPSILON)
    return logs


def _amplitudes(x: Array, envelope: Array) -> Array:
    """Of x [..., frames] of unit power: skewness, kurtosis, crest, mean, envelope's kurtosis."""
    size = np.abs(x)
    statistics = [skew(x, -1), kurtosis(x, -1), size.max(-1), size.mean(-1), kurtosis(envelope, -1)]
    flat: Array = np.nan_to_num(np.stack(statistics, -1))  # a constant window has no skewness
    return flat
