"""Extra trees: deaf to gain, the same by seed, and no strangers to faults."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.ensemble import ExtraTreesClassifier

from models.data import noise, simulate, validation
from models.data.recipe import Noise, Recipe, Source
from models.data.recordings import Array
from models.evaluation import metrics
from models.experiments.trials import extra_trees
from tests.support.paths import DATA


def recipe(labels: tuple[str, ...]) -> Recipe:
    return Recipe(
        name="test",
        labels=labels,
        normal=("normal",),
        rate_hz=10_000,
        window=2048,
        noise=Noise(kinds=tuple(noise.TRAINING), snr_db=(-10.0, 10.0), clean=0.1),
        data=(Source("cwru"),),
    )


def impacts(rate_hz: float, count: int, rng: np.random.Generator) -> Array:
    """Windows [count, 1, 2048] of a 3 kHz ringing struck that often, at 10 kHz."""
    time_s = np.arange(2048) / 10_000 + rng.uniform(0, 1, (count, 1, 1))
    since_s = time_s % (1 / rate_hz)
    return np.asarray(np.exp(-since_s * 800) * np.sin(2e4 * since_s), np.float32)


def recall(trees: ExtraTreesClassifier, windows: validation.Labelled) -> float:
    labels = extra_trees.classify(trees, windows.samples)
    return float(metrics.macro_recall(metrics.confusion(windows.targets, labels, 10)))


def test_features_are_deaf_to_gain_and_offset() -> None:
    windows = impacts(107.0, 4, np.random.default_rng(0))
    windows = noise.add(windows, 10.0, noise.PLAIN["pink"], np.random.default_rng(0))
    found = extra_trees.features(windows)
    assert found.shape == (4, 64 + 64 + 5)
    np.testing.assert_allclose(extra_trees.features(50 * windows + 3), found, atol=1e-2)


def test_flat_and_short_windows_have_features_too() -> None:
    flat = extra_trees.features(np.ones((2, 1, 2048), np.float32))
    short = extra_trees.features(impacts(107.0, 2, np.random.default_rng(0))[..., :256])
    assert np.isfinite(flat).all()
    assert np.isfinite(short).all()


def test_the_envelopes_bands_tell_how_often_it_is_struck() -> None:
    """A ringing of one and the same frequency: only the rate of impacts differs."""
    rng = np.random.default_rng(0)
    for rate_hz in (107.0, 162.0):
        windows = noise.add(impacts(rate_hz, 20, rng), 5.0, noise.PLAIN["gaussian"], rng)
        envelope = extra_trees.features(windows)[:, 64:128].mean(0)
        assert envelope.argmax() == int((rate_hz * 2048 / 10_000 - 1) / 2)  # bands of two bins


def test_trees_of_one_seed_are_alike_and_those_of_another_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extra_trees, "WINDOWS", 256)
    made = recipe(("normal", "inner", "outer", "ball"))
    recordings = simulate.default(2, 1.0, 5, 10_000.0)
    windows = validation.labelled(recordings, made, 20).samples
    seeded = [msgspec.structs.replace(made, seed=seed) for seed in (0, 0, 1)]
    shares = [
        extra_trees.train(one, recordings).predict_proba(extra_trees.features(windows))
        for one in seeded
    ]
    np.testing.assert_array_equal(shares[0], shares[1])
    assert np.abs(shares[0] - shares[2]).max() > 0


def test_trees_know_unseen_recordings_far_beyond_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from models.experiments.trials import tasks

    if not (DATA / "cwru").is_dir():
        pytest.skip("needs the data set cwru, which does not come with the project")
    monkeypatch.setattr(extra_trees, "WINDOWS", 1280)
    made = recipe(tasks.TEN)
    training, judging = tasks.loads(DATA)
    clean = validation.labelled(judging, made, 20)
    rng = np.random.default_rng(0)
    noisy = noise.add(clean.samples, -5.0, noise.PLAIN["gaussian"], rng)
    judged = {"clean": clean, "gaussian_-5db": replace(clean, samples=noisy)}
    trees = extra_trees.train(made, training)
    found = {name: recall(trees, windows) for name, windows in judged.items()}
    assert found["clean"] > 0.8
    assert 0.5 < found["gaussian_-5db"] < found["clean"]
