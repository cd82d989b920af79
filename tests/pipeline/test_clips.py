"""The signal around a fault is kept, exactly, within its quota and off everybody's way."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from agent.pipeline import clip as clips
from agent.pipeline.clip import Clip
from agent.pipeline.clip_store import ClipStore
from agent.pipeline.clip_writer import MAX_WAITING, ClipWriter
from tests.conftest import Agent, Broker, eventually, quiet_then_loud
from tests.support.listening import Listening

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def clip(samples: np.ndarray, name: str = "a.flac") -> Clip:
    return Clip(
        name, samples.astype(np.float32), 0, "a", "g", 1000.0, 0, "2026-01-01T00:00:00.000Z"
    )


@pytest.mark.parametrize("peak", [1e-6, 0.3, 1.0, 37.0, 0.0])
def test_a_file_gives_the_signal_back_to_24_bits_at_any_level(tmp_path: Path, peak: float) -> None:
    noise = np.random.default_rng(0).uniform(-peak, peak, (5000, 2)).astype(np.float32)
    file = tmp_path / "a.flac"
    file.write_bytes(clips.encode(clip(noise)))
    with soundfile.SoundFile(file) as opened:
        scale = json.loads(opened.comment)["scale"]
        read = opened.read(dtype="float64") * scale
    np.testing.assert_allclose(read, noise, atol=scale * 2**-23)
    assert scale <= 2 * peak or peak == 0


def test_what_is_no_number_does_not_spoil_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.flac"
    file.write_bytes(clips.encode(clip(np.array([[np.nan], [np.inf], [0.5]]))))
    assert np.isfinite(soundfile.read(file)[0]).all()


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_the_quota_holds_at_every_moment_and_the_oldest_go(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, 1000, 0)
    for at in range(10):
        assert store.put(f"{at}.flac", bytes(300)) is None
        os.utime(tmp_path / f"{at}.flac", (at, at))
        assert sum(path.stat().st_size for path in tmp_path.glob("*")) <= 1000
    assert kept(tmp_path) == ["7.flac", "8.flac", "9.flac"]


def test_what_is_larger_than_the_quota_is_not_kept_and_costs_nothing(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, 1000, 0)
    store.put("a.flac", bytes(900))
    assert store.put("b.flac", bytes(1001)) == "1001 bytes are more than evidence.max_mib allows"
    assert kept(tmp_path) == ["a.flac"]


def test_a_disk_that_has_less_free_than_is_left_to_others_is_left_alone(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, 10**6, 2**62)
    assert store.put("a.flac", bytes(10)) == "the disk has less free than evidence.min_free_mib"
    assert kept(tmp_path) == []


def test_other_peoples_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(bytes(5000))
    ClipStore(tmp_path, 1000, 0).put("a.flac", bytes(900))
    ClipStore(tmp_path, 1000, 0).put("b.flac", bytes(900))
    assert kept(tmp_path) == ["b.flac", "notes.txt"]


def test_a_disk_that_takes_nothing_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ClipStore(tmp_path / "file", 1000, 0).put("a.flac", b"x") is not None


def test_more_than_can_be_written_is_refused_at_once(tmp_path: Path) -> None:
    recorder = ClipWriter(ClipStore(tmp_path, 10**6, 0))
    told: list[str | None] = []
    for _ in range(MAX_WAITING + 1):  # nobody writes yet
        recorder.keep(clip(np.zeros((10, 1))), told.append)
    assert told == ["too much is being written already"]


def test_a_signal_that_flac_does_not_hold_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    recorder = ClipWriter(ClipStore(tmp_path, 10**6, 0))
    told: list[str | None] = []
    fast = msgspec.structs.replace(clip(np.zeros((10, 1))), rate_hz=2e6)
    recorder.keep(fast, told.append)
    recorder.keep(clip(np.zeros((10, 1))), told.append)
    recorder.finish()
    recorder.run()
    assert told[0] is not None
    assert told[0].startswith("not a signal for FLAC")
    assert told[1] is None


@pytest.fixture
def loud_in_the_middle(tmp_path: Path) -> tuple[Path, np.ndarray]:
    path = tmp_path / "loud.wav"
    samples = np.clip(quiet_then_loud(7000), -0.999, 0.999)
    soundfile.write(path, samples, 1000, subtype="PCM_16")
    return path, soundfile.read(path, dtype="float32")[0]


def test_a_faults_event_names_the_file_that_holds_the_seconds_around_it_to_the_sample(
    broker: Broker,
    run_agent: Start,
    settings: Settings,
    tmp_path: Path,
    loud_in_the_middle: tuple[Path, np.ndarray],
) -> None:
    path, signal = loud_in_the_middle
    tree = settings(broker.port, kind="file", path=str(path), pace="fast")
    tree["evidence"] = {"before_s": 2.0, "after_s": 1.5, "min_free_mib": 0}
    with Listening(broker.port) as listening:
        assert run_agent(tree).wait() == 0
        listening.until_offline()
    events = {each["decision"]: each for each in listening.of("event")}
    assert events["normal"]["evidence"] is None
    assert all(each["evidence"] is None for each in listening.of("state"))
    fault = events["fault"]
    file = tmp_path / "state" / fault["evidence"]
    with soundfile.SoundFile(file) as opened:
        told = json.loads(opened.comment)
        kept_samples = opened.read() * told["scale"]
    end = fault["first_sample"] + fault["n_samples"]
    assert told["first_sample"] == end - 2000
    expected = signal[end - 2000 : end + 1500]
    assert len(kept_samples) == len(expected) == 3500
    np.testing.assert_allclose(kept_samples, expected, atol=told["scale"] * 2**-23)


def test_a_fault_at_the_end_keeps_what_there_is(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path, wav: Path
) -> None:
    tree = settings(broker.port, kind="file", path=str(wav), pace="fast")
    tree["evidence"] = {"before_s": 1.0, "after_s": 300.0, "min_free_mib": 0}
    assert run_agent(tree).wait() == 0
    (file,) = (tmp_path / "state" / "evidence").glob("*.flac")
    told = json.loads(soundfile.SoundFile(file).comment)
    assert soundfile.info(file).frames == 7000 - told["first_sample"]


def test_a_sensor_that_goes_with_its_machine_leaves_what_it_gave(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        source = {"kind": "stream", "rate_hz": 1000, "url": url, "dtype": "float32"}
        tree = settings(broker.port, **source, live=False)
        tree["evidence"] = {"before_s": 1.0, "after_s": 2.0, "min_free_mib": 0}
        agent = run_agent(tree)
        with listener.accept()[0] as sensor:
            sensor.sendall(quiet_then_loud(3500).astype(np.float32).tobytes())
            folder = tmp_path / "state" / "evidence"  # no more comes, and no end
            eventually(lambda: bool(list(folder.glob("*.flac"))), 30, "the file")
            assert agent.stop(15) == 0
    (file,) = folder.glob("*.flac")
    assert 1000 < soundfile.info(file).frames < 3500


def test_off_by_default(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path, wav: Path
) -> None:
    assert run_agent(settings(broker.port, kind="file", path=str(wav), pace="fast")).wait() == 0
    assert not (tmp_path / "state" / "evidence").exists()
