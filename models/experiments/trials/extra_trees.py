"""Extra trees on features that an engineer would compute: what a network has to beat.

Geurts, Ernst, Wehenkel: "Extremely randomized trees", Machine Learning 63, 2006. The features
are those of classical bearing analysis (Randall, Antoni: "Rolling element bearing diagnostics:
a tutorial", Mechanical Systems and Signal Processing 25, 2011). Free of torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import hilbert
from scipy.stats import kurtosis, skew
from sklearn.ensemble import ExtraTreesClassifier

from models.data.batches import batches
from models.data.recipe import Recipe
from models.data.recordings import Array, Recording
from models.data.validation import Labelled
from models.evaluation import metrics

TREES = 200
WINDOWS = 12_800  # drawn to train on: a hundred batches, noise fresh in each
BANDS = 64  # of a spectrum
ENVELOPE_SHARE = 8  # of the envelope's spectrum the lowest eighth: faults strike below 1 kHz
QUIET = 1e-9  # power of a band in which nothing is, relative to the whole

Indices = npt.NDArray[np.int64]


def features(samples: Array) -> Array:
    """Windows [n, channels, window] -> [n, channels * features], deaf to gain and offset.

    Of each channel the logarithm of its spectrum in bands, that of its envelope's spectrum
    in bands, both relative to their sums, and what its amplitudes are like.
    """
    centred = samples - samples.mean(-1, keepdims=True)
    rms = np.sqrt((centred**2).mean(-1, keepdims=True)).clip(1e-12)
    x = centred / rms
    envelope = np.abs(hilbert(x))
    low = envelope.shape[-1] // (2 * ENVELOPE_SHARE)
    parts = [_bands(_power(x)), _bands(_power(envelope)[..., :low]), _amplitudes(x, envelope)]
    return np.concatenate(parts, -1).reshape(len(samples), -1).astype(np.float32)


def train(recipe: Recipe, recordings: Sequence[Recording]) -> ExtraTreesClassifier:
    """Trees from windows as the recipe's network would be shown them, only fewer."""
    drawn = batches(recordings, recipe, np.random.default_rng(recipe.seed))
    found = [next(drawn) for _ in range(-(-WINDOWS // recipe.batch))]
    shown = np.concatenate([features(batch.samples) for batch in found])
    return fit(shown, np.concatenate([batch.targets for batch in found]), recipe.seed)


def fit(shown: Array, targets: Indices, seed: int) -> ExtraTreesClassifier:
    """Trees from features [n, features] and label indices [n]; the same for the same seed."""
    return ExtraTreesClassifier(TREES, random_state=seed, n_jobs=1).fit(shown, targets)


def classify(trees: ExtraTreesClassifier, samples: Array) -> Indices:
    """Windows [n, channels, window] -> label indices [n]."""
    return np.asarray(trees.predict(features(samples)), np.int64)


def nodes(trees: ExtraTreesClassifier) -> int:
    """Of all trees: what comes nearest to a network's parameters."""
    return sum(int(tree.tree_.node_count) for tree in trees.estimators_)


def judge(
    trees: ExtraTreesClassifier, judged: Mapping[str, Labelled], classes: int
) -> dict[str, float]:
    """Macro recall in every condition."""
    found = {}
    for name, windows in judged.items():
        counts = metrics.confusion(windows.targets, classify(trees, windows.samples), classes)
        found[name] = round(float(metrics.macro_recall(counts)), 5)
    return found


def train_and_judge(
    recipe: Recipe, training: Sequence[Recording], judged: Mapping[str, Labelled]
) -> dict[str, float]:
    """Macro recall by condition, of trees trained by a recipe; its network and steps are unused."""
    return judge(train(recipe, training), judged, len(recipe.labels))


def _power(x: Array) -> Array:
    """[..., frames] -> power at each frequency above zero, relative to their sum."""
    power = np.abs(np.fft.rfft(x - x.mean(-1, keepdims=True))[..., 1:]) ** 2
    relative: Array = power / power.sum(-1, keepdims=True).clip(1e-30)
    return relative


def _bands(power: Array) -> Array:
    """[..., bins] -> logarithm of the power in BANDS equal bands (fewer where bins are fewer)."""
    bins = power.shape[-1]
    edges = np.linspace(0, bins, min(BANDS, bins), endpoint=False).astype(int)
    logs: Array = np.log(np.add.reduceat(power, edges, axis=-1) + QUIET)
    return logs


def _amplitudes(x: Array, envelope: Array) -> Array:
    """Of x [..., frames] of unit power: skewness, kurtosis, crest, mean, envelope's kurtosis."""
    size = np.abs(x)
    found = [skew(x, -1), kurtosis(x, -1), size.max(-1), size.mean(-1), kurtosis(envelope, -1)]
    flat: Array = np.nan_to_num(np.stack(found, -1))  # a flat window has no skewness
    return flat
