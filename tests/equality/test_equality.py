"""A recording says the same live, replayed and out of an archive, on either engine."""

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import soundfile
import yaml

from agent.sources import synthetic
from tests.conftest import recording
from tests.equality.compare import OF_DELIVERY, OF_NAMES, difference
from tests.equality.ways import Records, Setting, archived, live, replayed, run
from tests.support import tiny

ORDERS = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
REAL = (
    ("cwru", "12k_DE", "DE12k_outer_7mil_at6_2hp.flac"),
    ("cwru", "12k_DE", "DE12k_inner_14mil_1hp.flac"),
    ("uestc", "uestc_ball_1000rpm.flac"),
)


def generated(folder: Path) -> list[Path]:
    """Quiet, loud, clipped and flat stretches at 1000 Hz, and at another rate."""
    generator = np.random.default_rng(0)
    loudness = np.repeat([0.1, 0.5, 3.0, 0.0, 0.1], 1500)
    samples = np.clip(loudness * generator.standard_normal(loudness.size), -1, 1)
    paths = []
    for name, rate_hz in (("same", 1000), ("other", 1600)):
        paths.append(folder / f"{name}.wav")
        soundfile.write(paths[-1], samples, rate_hz, subtype="PCM_16")
    return paths


def same(one: list[Records], other: list[Records], ignored: frozenset[str] = OF_DELIVERY) -> None:
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert difference(mine, theirs, ignored) is None
    assert any(each.windows for each in one), "nothing was compared"


def test_generated_recordings_say_the_same_in_every_way(tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny.onnx")
    setting = Setting(str(tmp_path / "tiny.onnx"))
    paths = generated(tmp_path)
    stored = archived(setting, paths, tmp_path)
    flags = {flag for window in stored[0].windows for flag in window["flags"]}
    assert flags == {"clipped", "flat"}
    assert [len(each.windows) for each in stored] == [74, 45]
    for pace in ("fast", "realtime"):
        said = live(setting, paths, tmp_path, pace)
        same(said, stored, OF_DELIVERY | {"source"})  # live, each has a source of its own
        same(said[:1], stored[:1])
    same([replayed(setting, path) for path in paths], stored, OF_NAMES)


def test_real_recordings_say_the_same_in_every_way(tmp_path: Path) -> None:
    paths = [recording(*parts) for parts in REAL]
    setting = Setting("bearing")
    stored = archived(setting, paths, tmp_path)
    same(live(setting, paths, tmp_path), stored, OF_DELIVERY | {"source"})
    same([replayed(setting, path) for path in paths], stored, OF_NAMES)


def developing_fault(folder: Path) -> Path:
    """A simulated machine whose outer race breaks, as a recording at 12 kHz."""
    healthy = synthetic.Phase(duration_s=3, snr_db=(5, 5))
    broken = msgspec.structs.replace(healthy, duration_s=5, fault="outer")
    source = synthetic.open_source(
        synthetic.Options(pace="fast", rate_hz=12_000, scenario=(healthy, broken))
    )
    blocks = list(iter(source.read, None))
    path = folder / "machine.wav"
    samples = np.concatenate([block.samples for block in blocks if block is not None])
    soundfile.write(path, samples, 12_000, subtype="FLOAT")
    return path


def test_what_is_known_of_the_machine_says_the_same(tmp_path: Path) -> None:
    """A network that reads the speed, and the physics of its events."""
    machine = {"rpm": 1797, "bearing": ORDERS, "machine_class": "group2-rigid", "unit": "m/s2"}
    setting = Setting("bearing-orders", machine=machine)
    paths = [developing_fault(tmp_path)]
    stored = archived(setting, paths, tmp_path)
    assert stored[0].events[-1]["physics"][0]["evidence_db"]["bpfo"] > 10
    same(live(setting, paths, tmp_path), stored)


def test_a_commissioned_machine_says_the_same(tmp_path: Path) -> None:
    """The three seconds of a name, the median of the baseline, and the sentence of an event."""
    machine = {"rpm": 1797, "bearing": ORDERS}
    setting = Setting("bearing-orders", machine=machine)
    paths = [developing_fault(tmp_path)]
    samples, rate_hz = soundfile.read(paths[0], dtype="float32")
    healthy = tmp_path / "healthy.wav"
    soundfile.write(healthy, samples[: 3 * rate_hz], rate_hz, subtype="FLOAT")
    config = tmp_path / "commission.yaml"
    config.write_text(yaml.safe_dump(setting.tree(paths, "fast", tmp_path, 1883)))
    source = ("--config", str(config), "--source", "s0")
    run("commission", *source, "--recordings", str(healthy))
    baseline = (tmp_path / "state" / "baseline-s0.json").rename(tmp_path / "baseline.json")
    commissioned = dataclasses.replace(setting, baseline=baseline)
    stored = archived(commissioned, paths, tmp_path)
    last = stored[0].events[-1]
    assert (last["label"], last["basis"]["baseline"]) == ("outer", "provisional")
    assert last["basis"]["anomaly"] > 1
    same(live(commissioned, paths, tmp_path), stored)


def test_a_difference_is_found_and_named() -> None:
    """The comparison itself can fail."""
    said = Records([{"label": "inner", "seq": 1}, {"label": "outer", "seq": 2}], [])
    other = Records([{"label": "inner", "seq": 7}, {"label": "ball", "seq": 9}], [])
    assert difference(said, said) is None
    assert difference(said, other) == "windows[1].label: outer and ball"
    assert difference(said, Records(said.windows[:1], [])) == "windows[1].label: outer and nothing"
