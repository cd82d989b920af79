"""Measurements of a model file through the agent's own classifier."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from agent.inference.classifier import OnnxClassifier
from agent.sources import noise
from models.data.recordings import Array
from models.data.validation import HELD_OUT_SEED, Labelled
from models.evaluation import metrics
from models.evaluation.metrics import Indices

LEVELS_DB = (0.0, -5.0)
SIMULATED_DB = (10.0, 5.0, 0.0, -5.0)


def conditions(samples: Array, levels_db: Sequence[float]) -> dict[str, Array]:
    """Windows [n, channels, window] under every kind of noise at every level: name -> windows."""
    rng = np.random.default_rng(HELD_OUT_SEED)
    return {
        f"{kind}_{level:g}db": noise.add(samples, level, kind, rng)
        for level in levels_db
        for kind in noise.KINDS
    }


def labels_of(network: OnnxClassifier, samples: Array, running: Array) -> Indices:
    """The index of the most probable label of each window [n] of machines [n, 5]."""
    predictions = network.classify(samples, running)
    return np.array([np.argmax(prediction.probabilities) for prediction in predictions])


def scores(network: OnnxClassifier, name: str, clean: Labelled) -> dict[str, float]:
    """Macro-F1 on a data set: clean, and under each noise: '<name>_<condition>' -> figure."""
    under = {"clean": clean.samples, **conditions(clean.samples, LEVELS_DB)}
    return {
        f"{name}_{condition}": metrics.macro_f1_of(
            clean.targets, labels_of(network, samples, clean.running)
        )
        for condition, samples in under.items()
    }


def recognition(
    network: OnnxClassifier, labels: Sequence[str], clean: Labelled
) -> dict[str, float]:
    """Share of simulated windows with the right label, in the worst noise at each level."""
    shares: dict[str, float] = {}
    for condition, samples in conditions(clean.samples, SIMULATED_DB).items():
        right = labels_of(network, samples, clean.running) == clean.targets
        for index, label in enumerate(labels):
            key = f"simulated_{label}_{condition.split('_')[1]}"
            share = float(right[clean.targets == index].mean())
            shares[key] = min(share, shares.get(key, 1.0))
    return shares


def agreement(first: OnnxClassifier, second: OnnxClassifier, windows: Labelled) -> float:
    """Share of windows to which both networks give the same label."""
    labels = [labels_of(network, windows.samples, windows.running) for network in (first, second)]
    return float(np.mean(labels[0] == labels[1]))


def snr_error_db(network: OnnxClassifier, windows: Labelled, snr_db: Array) -> float:
    """Root mean square error of the estimated SNR on the noisy windows (`snr_db` is finite)."""
    noisy = np.isfinite(snr_db)
    predictions = network.classify(windows.samples, windows.running)
    estimates = np.array([prediction.snr_db for prediction in predictions], np.float64)
    return float(np.sqrt(np.mean((estimates - snr_db)[noisy] ** 2)))


def window_us(
    networks: Mapping[str, OnnxClassifier], samples: Array, repeats: int = 200
) -> dict[str, float]:
    """Least microseconds of processor time a window for `samples`; the networks take turns.

    What else a machine does only adds to it: through its caches, where not through its time.
    """
    taken: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(repeats):
        for name, network in networks.items():
            start = time.thread_time()  # each network has one thread, the caller's
            network.classify(samples)
            taken[name].append(time.thread_time() - start)
    return {name: min(times) / len(samples) * 1e6 for name, times in taken.items()}
