"""The distance is Mahalanobis', small within the classes, and the same in every batch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.distance import Distance, classes  # noqa: E402


def clouds(count: int = 4000, width: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three normal classes of one covariance: features, labels, the covariance."""
    rng = np.random.default_rng(0)
    spread = np.diag(np.array([5.0, 3.0, 2.0] + [0.5] * (width - 3)))
    turn, _ = np.linalg.qr(rng.standard_normal((width, width)))
    labels = rng.integers(0, 3, count)
    means = 10 * rng.standard_normal((3, width))
    features = means[labels] + rng.standard_normal((count, width)) @ spread @ turn
    return features, labels, turn.T @ spread**2 @ turn


def measured(fitted: object, features: np.ndarray) -> np.ndarray:
    x = torch.tensor(features, dtype=torch.float32)[:, :, None, None]
    return Distance(fitted)(x).detach().numpy()  # type: ignore[arg-type]


def test_it_is_the_mahalanobis_distance_to_the_nearest_class() -> None:
    features, labels, covariance = clouds()
    fitted = classes(features, labels, kept=3)
    apart = features[:50, None] - fitted.means
    squared = np.einsum("ncf,fg,ncg->nc", apart, np.linalg.inv(covariance), apart)
    expected = np.sqrt(squared.min(1) / features.shape[1])
    assert np.allclose(measured(fitted, features[:50]), expected, rtol=0.15)


def test_within_the_classes_it_is_about_one_and_far_away_it_is_large() -> None:
    features, labels, _ = clouds()
    fitted = classes(features, labels, kept=3)
    assert np.median(measured(fitted, features)) == pytest.approx(1, abs=0.1)
    stranger = features[:50] + 30 * np.random.default_rng(1).standard_normal(features[:50].shape)
    assert measured(fitted, stranger).min() > 3


def test_the_nearest_class_counts_and_not_the_next() -> None:
    features, labels, _ = clouds()
    fitted = classes(features, labels, kept=3)
    assert measured(fitted, fitted.means).max() < 0.05
