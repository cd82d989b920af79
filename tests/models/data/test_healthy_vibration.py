"""A machine's own healthy vibration hides its faults in training, at the ratio that is drawn."""

import msgspec
import numpy as np
import pytest

from models.data import validation
from models.data.batches import batches
from models.data.healthy_vibration import HealthyVibration
from models.data.recipe import Noise, Recipe, RunningInput, Source
from models.data.recordings import Recording
from models.data.validation import Labelled

RECIPE = Recipe(
    name="healthy",
    labels=("normal", "outer"),
    normal=("normal",),
    rate_hz=1000.0,
    window=256,
    batch=16,
    running=RunningInput(0.0, 0.0, 0.0),
    noise=Noise(kinds=("healthy",), snr_db=(-6.0, -6.0), clean=0.0),
    data=(Source("rig"),),
)


def recording(label: str, hz: float, rpm: float) -> Recording:
    samples = np.sin(2 * np.pi * hz * np.arange(4096) / 1000)[None].astype(np.float32)
    return Recording("rig", f"{label} {rpm}", label, samples, running=(rpm, 0, 0, 0, 0))


def level(signal: np.ndarray, hz: float) -> float:
    at = np.exp(-2j * np.pi * hz * np.arange(len(signal)) / 1000)
    return float(abs(signal @ at) / len(signal))


RECORDINGS = [
    recording("normal", 62.5, 600.0),
    recording("normal", 93.75, 1200.0),
    recording("outer", 250.0, 1150.0),
]


def test_a_fault_is_hidden_by_the_healthy_recording_at_the_nearest_speed() -> None:
    batch = next(batches(RECORDINGS, RECIPE, np.random.default_rng(0)))
    outer = batch.samples[batch.targets == 1, 0]
    assert len(outer)
    for window in outer:
        ratio_db = 20 * np.log10(level(window, 250.0) / level(window, 93.75))
        assert ratio_db == pytest.approx(-6.0, abs=0.5)
        assert level(window, 62.5) < 0.05 * level(window, 93.75)


def test_the_same_equalizer_colours_a_window_and_what_hides_it() -> None:
    loud = msgspec.structs.replace(RECIPE, colour_db=6.0)
    batch = next(batches(RECORDINGS, loud, np.random.default_rng(0)))
    outer = batch.samples[batch.targets == 1, 0]
    ratios = [20 * np.log10(level(each, 250.0) / level(each, 93.75)) for each in outer]
    assert np.mean(ratios) == pytest.approx(-6.0, abs=1.0)  # of the windows' whole power
    assert np.isfinite(batch.samples).all()


def test_a_machine_without_a_healthy_recording_is_hidden_by_itself() -> None:
    own = HealthyVibration(RECORDINGS[2:], ("normal",))
    drawn = own.draw(RECORDINGS[2:], 256, np.random.default_rng(0))
    assert drawn.shape == (1, 1, 256)
    assert level(drawn[0, 0], 250.0) > 0.4


def test_validation_windows_get_the_noises_that_need_no_recordings() -> None:
    clean = Labelled(
        np.random.default_rng(0).standard_normal((8, 1, 256)).astype(np.float32),
        np.zeros(8, np.int64),
        np.zeros((8, 5), np.float32),
    )
    noise = Noise(kinds=("recorded", "pink"), background="noise", clean=0.0)
    for spec in (noise, RECIPE.noise):
        noisy, snr_db = validation.in_noise(clean, msgspec.structs.replace(RECIPE, noise=spec))
        assert np.isfinite(snr_db).all()
        assert not np.allclose(noisy.samples, clean.samples)
