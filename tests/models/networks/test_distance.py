"""The distance is small where training was and large where it was not, whatever the loudness."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.networks.distance import Distance, typical_features  # noqa: E402


def clouds(seed: int = 0, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, 12] around a direction for each class, and the labels [n]."""
    rng = np.random.default_rng(seed)
    labels = np.arange(600) % classes
    directions = np.eye(12)[:classes]
    features = 5 * directions[labels] + rng.standard_normal((600, 12))
    return features.astype(np.float32), labels


def measured(near: np.ndarray, features: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(features.astype(np.float32))[:, :, None, None]
    distances: np.ndarray = Distance(near)(x).detach().numpy()
    return distances


def test_it_is_one_minus_the_cosine_to_the_nearest_typical_window() -> None:
    features, labels = clouds()
    near = typical_features(features, labels, per_class=2)
    assert near.shape == (6, 12)
    assert np.allclose(np.linalg.norm(near, axis=1), 1, atol=1e-6)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert np.allclose(measured(near, features), 1 - (unit @ near.T).max(1), atol=1e-5)


def test_what_training_has_not_shown_is_farther_than_what_it_has() -> None:
    features, labels = clouds()
    near = typical_features(features, labels)
    again, _ = clouds(seed=1)
    strangers, found = clouds(seed=2, classes=6)
    known, unknown = measured(near, again), measured(near, strangers[found >= 3])
    assert np.quantile(known, 0.95) < np.quantile(unknown, 0.05)


def test_loudness_does_not_count_and_silence_is_far() -> None:
    features, labels = clouds()
    near = typical_features(features, labels)
    quiet, loud = measured(near, 1e-3 * features), measured(near, 1e3 * features)
    assert np.allclose(quiet, loud, atol=1e-4)
    assert measured(near, np.zeros((1, 12))).tolist() == [1.0]
