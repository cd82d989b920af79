"""What a source shows is measured at the same samples however they arrive."""

from pathlib import Path

import numpy as np
import pytest

from agent.config import load
from agent.core.types import Measured
from agent.pipeline.offline import OfflineRunner
from tests.conftest import quiet_then_loud
from tests.support import tiny

RATE_HZ = 1000
SECONDS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model, and two recordings of two channels; one of them stands still for a while."""
    folder = tmp_path_factory.mktemp("measured")
    tiny.write(folder / "tiny.onnx", tiny.contract(channels=2))
    noise = quiet_then_loud(2 * RATE_HZ * SECONDS).reshape(-1, 2).astype(np.float32)
    np.save(folder / "sound.npy", noise)
    noise[8 * RATE_HZ : 12 * RATE_HZ] = 0.0
    np.save(folder / "flat.npy", noise)
    return folder


def measured(
    folder: Path, recording: str = "sound.npy", block: int = 1000, **source: object
) -> dict[int, Measured]:
    """What was measured, by the absolute index behind its last frame."""
    keys = {"name": "fan", "kind": "file", "pace": "fast", "block": block, "rate_hz": RATE_HZ}
    keys |= {"path": str(folder / recording), "model": str(folder / "tiny.onnx"), "unit": "g"}
    config = load.parse({"sources": [keys | {"measure_s": 2.0, "rpm": 1500.0} | source]})
    runner = OfflineRunner(config, config.sources[0], commissioned=False)
    return {
        scored.window.first + scored.window.samples.shape[1]: result
        for turn in runner.scored()
        for scored in turn
        if scored.measure is not None and (result := scored.measure()) is not None
    }


def test_the_same_is_measured_whatever_comes_at_once(folder: Path) -> None:
    one = measured(folder)
    assert len(one) == (SECONDS - 2) / 2, "the first after two seconds"
    assert measured(folder, block=77) == one
    assert measured(folder, block=30_000) == one


def test_each_channel_is_measured_over_five_seconds(folder: Path) -> None:
    last = list(measured(folder).values())[-1]
    samples = np.load(folder / "sound.npy")
    assert len(last.physics) == 2
    for number, physics in enumerate(last.physics):
        assert physics.seconds == 5.0
        assert physics.rms == pytest.approx(samples[-5 * RATE_HZ :, number].std(), rel=0.05)
        assert physics.velocity_mm_s is not None
    assert (last.rpm, last.verdict.label) == (1500.0, "loud")
    assert (last.anomaly, last.drift) == (None, None), "there is no baseline"


def test_a_flagged_stretch_is_not_measured_and_what_comes_after_it_is(folder: Path) -> None:
    ends = np.array(list(measured(folder, "flat.npy")))
    assert not np.any((ends > 8.5 * RATE_HZ) & (ends < 13 * RATE_HZ))
    assert np.any((ends >= 13 * RATE_HZ) & (ends <= 14 * RATE_HZ)), "after one sound second"


def test_with_no_interval_nothing_is_measured(folder: Path) -> None:
    assert measured(folder, measure_s=0.0) == {}
