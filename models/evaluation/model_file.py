"""What is measured of a released file, through the agent's own classifier."""

import statistics
import time
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from agent.inference.classifier import OnnxClassifier
from agent.sources import noise
from models.data.recordings import Array
from models.data.validation import HELD_BACK_SEED, Labelled

LEVELS_DB = (0.0, -5.0)
SIMULATED_DB = (10.0, 5.0, 0.0, -5.0)
Targets = npt.NDArray[np.int64]


def conditions(samples: Array, levels_db: Sequence[float]) -> dict[str, Array]:
    """Windows [n, channels, window] under every kind of noise at every level: name -> windows."""
    rng = np.random.default_rng(HELD_BACK_SEED)
    return {
        f"{kind}_{level:g}db": noise.add(samples, level, kind, rng)
        for level in levels_db
        for kind in noise.KINDS
    }


def macro_f1(targets: Targets, found: Targets) -> float:
    """Mean over the classes in `targets` of 2 TP / (2 TP + FP + FN)."""
    scores = [
        2 * np.sum((targets == c) & (found == c)) / (np.sum(targets == c) + np.sum(found == c))
        for c in np.unique(targets)
    ]
    return float(np.mean(scores))


def labels_of(network: OnnxClassifier, samples: Array, running: Array) -> Targets:
    """The most probable label's index of each window [n] of machines [n, 5]."""
    said = network.classify(samples, running)
    return np.array([np.argmax(found.probabilities) for found in said])


def scores(network: OnnxClassifier, name: str, clean: Labelled) -> dict[str, float]:
    """Macro-F1 on a data set: clean, and under each noise: '<name>_<condition>' -> figure."""
    under = {"clean": clean.samples, **conditions(clean.samples, LEVELS_DB)}
    return {
        f"{name}_{condition}": macro_f1(clean.targets, labels_of(network, samples, clean.running))
        for condition, samples in under.items()
    }


def recognition(
    network: OnnxClassifier, labels: Sequence[str], clean: Labelled
) -> dict[str, float]:
    """Share of simulated windows called by their name, the worst of the noises at each level."""
    found: dict[str, float] = {}
    for condition, samples in conditions(clean.samples, SIMULATED_DB).items():
        right = labels_of(network, samples, clean.running) == clean.targets
        for index, label in enumerate(labels):
            key = f"simulated_{label}_{condition.split('_')[1]}"
            share = float(right[clean.targets == index].mean())
            found[key] = min(share, found.get(key, 1.0))
    return found


def agreement(one: OnnxClassifier, other: OnnxClassifier, judged: Labelled) -> float:
    """Share of windows to which both give the same label."""
    labels = [labels_of(network, judged.samples, judged.running) for network in (one, other)]
    return float(np.mean(labels[0] == labels[1]))


def snr_error_db(network: OnnxClassifier, judged: Labelled, snr_db: Array) -> float:
    """Root mean square error of the estimated SNR on windows whose SNR is known."""
    known = np.isfinite(snr_db)
    said = network.classify(judged.samples, judged.running)
    found = np.array([prediction.snr_db for prediction in said], np.float64)
    return float(np.sqrt(np.mean((found - snr_db)[known] ** 2)))


def window_us(
    networks: Mapping[str, OnnxClassifier], samples: Array, repeats: int = 200
) -> dict[str, float]:
    """Median microseconds a window when `samples` is one batch; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(repeats):
        for name, network in networks.items():
            start = time.perf_counter()
            network.classify(samples)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) / len(samples) * 1e6 for name, t in taken.items()}
