"""A source that is too slow for its model is refused; `model: none` watches it by a baseline."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.config import load
from agent.config.load import Config
from agent.core.errors import ConfigError
from agent.core.types import Scored
from agent.jobs.commission import Request, commission
from agent.pipeline import build
from agent.pipeline.offline import OfflineRunner, recorded
from tests.support import tiny

RATE_HZ = 800


def config(folder: Path, **keys: Any) -> Config:
    source = {"name": "pump", "kind": "file", "path": str(folder / "x.wav"), "pace": "fast"} | keys
    return load.parse({"agent": {"state_dir": str(folder), "sink": "stdout"}, "sources": [source]})


def record(file: Path, seconds: float, tone: float = 0.0) -> Path:
    """Noise, and a tone of that amplitude at a fifth of the rate."""
    at = np.arange(round(seconds * RATE_HZ))
    noise = 0.1 * np.random.default_rng(len(at)).standard_normal(len(at))
    soundfile.write(file, noise + tone * np.sin(2 * np.pi * at / 5), RATE_HZ, subtype="FLOAT")
    return file


def scored(config: Config, file: Path, commissioned: bool = True) -> list[Scored]:
    (source,) = config.sources
    runner = OfflineRunner(config, recorded(source, str(file)), commissioned=commissioned)
    return [each for turn in runner.scored() for each in turn]


def opened(config: Config) -> Any:
    (pipeline,) = build.build_pipelines(config)
    pipeline.reader.close()
    return pipeline


@pytest.mark.parametrize("rate_hz", [500, 799])
def test_a_recording_that_is_too_slow_for_the_model_is_refused_in_one_line(
    tmp_path: Path, tiny_model: Path, rate_hz: int
) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(4000), rate_hz)
    with pytest.raises(ConfigError) as refused:
        build.build_pipelines(config(tmp_path, model=str(tiny_model)))
    assert str(refused.value) == (
        f"sources[0] (pump): rate_hz: found {rate_hz}, expected at least 800 for the model tiny "
        "(1000 Hz): write model: none, which watches by a baseline, or name a model that was "
        "trained at this rate"
    )


def test_a_device_that_is_too_slow_is_refused_before_it_is_there(
    tmp_path: Path, tiny_model: Path
) -> None:
    keys = {"kind": "stream", "url": "tcp://127.0.0.1:9", "rate_hz": 500, "model": str(tiny_model)}
    tree = {"sources": [{"name": "pump", **keys}]}
    with pytest.raises(ConfigError, match="rate_hz: found 500, expected at least 800"):
        build.build_pipelines(load.parse(tree))


def test_the_model_file_may_say_which_rate_it_needs(tmp_path: Path) -> None:
    record(tmp_path / "x.wav", 2)
    model = tiny.write(tmp_path / "low.onnx", described=tiny.contract(min_rate_hz=500.0))
    assert opened(config(tmp_path, model=str(model))).origin.contract.least_rate_hz == 500


def test_without_network_and_baseline_nothing_is_decided_and_it_is_said(tmp_path: Path) -> None:
    settings = config(tmp_path, model="auto", path=str(record(tmp_path / "x.wav", 5, tone=1.0)))
    windows = scored(settings, tmp_path / "x.wav")
    assert {each.verdict.decision for each in windows} == {"abstain"}
    assert windows[0].physics is not None
    pipeline = opened(settings)
    assert "nothing is decided until it is commissioned" in pipeline.describe()
    info = pipeline.info()
    assert (info.model.name, info.baseline, info.rate_hz) == ("none", "none", RATE_HZ)
    assert "below the 8000 Hz" in info.model_choice


def test_a_slow_sensor_is_normal_or_unknown_after_commissioning(tmp_path: Path) -> None:
    settings = config(tmp_path, model="none", path=str(record(tmp_path / "x.wav", 60)))
    said: list[str] = []
    commission(settings, Request("pump", recordings=[str(tmp_path / "x.wav")]), said.append)
    assert any("no network" in line for line in said)
    healthy = scored(settings, record(tmp_path / "healthy.wav", 20))
    changed = scored(settings, record(tmp_path / "changed.wav", 20, tone=0.3))
    assert [each.event.decision for each in healthy if each.event][-1] == "normal"
    assert [each.event.decision for each in changed if each.event][-1] == "unknown"
    bases = [each.basis for each in changed if each.basis]
    assert bases[-1].sentence.startswith("Changed, not named: beyond the provisional baseline")


def test_a_source_without_a_rate_cannot_be_watched_without_a_network(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(100))
    with pytest.raises(ConfigError, match="rate_hz: found nothing beside model: none"):
        build.build_pipelines(config(tmp_path, model="none", path=str(tmp_path / "x.npy")))
