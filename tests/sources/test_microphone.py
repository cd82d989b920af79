"""A microphone that is played to, pulled out and put back: what is heard and told of it."""

import ctypes
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.config.validation import convert
from agent.core.errors import ConfigError, UserError
from agent.core.types import SourceError
from agent.sources import microphone, portaudio
from agent.sources.portaudio import Input
from tests.conftest import Agent, Broker, Subscriber, eventually
from tests.support.soundcard import SoundCard

RATE_HZ = 16_000
PR_SET_MDWE = 65  # prctl(2)
DEVICES = [
    Input(0, "HDA Intel PCH: ALC (hw:0,0)", "ALSA", 2, 44100.0),
    Input(1, "USB PnP Sound Device: Audio (hw:1,0)", "ALSA", 1, 48000.0),
    Input(3, "pulse", "ALSA", 32, 44100.0),
    Input(4, "pulse monitor", "JACK", 2, 44100.0),
]
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def opened(**keys: Any) -> microphone.MicSource:
    return microphone.open_source(convert({"device": "vmic"} | keys, microphone.Options, ""))


def read_until(source: microphone.MicSource, within_s: float) -> np.ndarray:
    """The first block that is not empty."""
    give_up_s = time.monotonic() + within_s
    while time.monotonic() < give_up_s:
        if len(samples := source.read().samples):
            return samples
    raise AssertionError(f"nothing within {within_s} s")


@pytest.mark.parametrize(
    ("device", "index"), [("usb pnp", 1), ("(hw:0,0)", 0), ("pulse", 3), (4, 4), (None, 3)]
)
def test_a_device_is_named_by_a_part_of_its_name_or_its_index(
    device: str | int | None, index: int
) -> None:
    assert microphone.choose(DEVICES, device, 3).index == index


def test_a_name_that_several_have_is_a_mistake_and_one_that_none_has_may_come_later() -> None:
    with pytest.raises(ConfigError, match=r"device: found 'hw:' in HDA .*; USB .*, expected"):
        microphone.choose(DEVICES, "hw:", 3)
    with pytest.raises(SourceError, match=r"not among the inputs \(HDA .*pulse\b"):
        microphone.choose(DEVICES, "Digiducer", 3)


def test_without_its_module_or_its_library_the_package_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    with pytest.raises(UserError, match="apt install libportaudio2"):
        opened()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[mic\]'"):
        opened()


def test_drivers_are_loaded_only_by_a_source_that_needs_them() -> None:
    code = """
import sys
import agent.cli.main
from agent.config import load
from agent.pipeline import build
common = {"name": "a", "model": "bearing"}
chosen = load.parse({"sources": [common | {"kind": "synth", "pace": "fast"}]})
build.build_pipelines(chosen)
print({"sounddevice", "serial", "iio", "agent.sources.portaudio"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


class Stream:
    """What a stream says when a driver is in trouble."""

    def __init__(self, *answers: tuple[bytes, bool]) -> None:
        self._answers = list(answers)
        self.closed = False

    @property
    def read_available(self) -> int:
        return 10_000 if self._answers else 0

    def read(self, _frames: int) -> tuple[bytes, bool]:
        return self._answers.pop(0)

    def close(self, ignore_errors: bool) -> None:
        self.closed = ignore_errors


def fake(*answers: tuple[bytes, bool], **keys: Any) -> microphone.MicSource:
    lease = portaudio.Lease(Stream(*answers))
    portaudio._leases.append(lease)
    return microphone.MicSource(convert(keys, microphone.Options, ""), RATE_HZ, lease, OSError)


def test_an_overflow_that_the_driver_tells_is_a_gap_before_what_follows() -> None:
    two = np.zeros(100, "<i2").tobytes()
    source = fake((two, False), (two, True))
    assert [source.read().lost, source.read().lost] == [0, 1]
    source.close()


@pytest.mark.parametrize("code", [-(2**23), -1, 0, 1, 2**23 - 1])
def test_24_bits_are_taken_whole(code: int) -> None:
    data = code.to_bytes(3, "little", signed=True) * 4
    source = fake((data, False), bits=24, interleaved=2)
    samples = source.read().samples
    assert samples.tolist() == [[code / 2**23] * 2] * 2
    assert source.format.full_scale is not None
    assert (abs(samples) >= source.format.full_scale).all() == (abs(code) >= 2**23 - 1)
    source.close()


def test_a_device_that_gives_nothing_is_told_and_no_read_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(microphone, "DEAD_S", 0.5)
    source = fake()
    began_s = time.monotonic()
    assert len(source.read().samples) == 0
    assert time.monotonic() - began_s < 0.4
    with pytest.raises(SourceError, match=r"sent nothing for 0\.5 s"):
        read_until(source, 5.0)
    source.close()


def test_a_rate_that_the_device_has_not_becomes_its_own(
    card: SoundCard, caplog: pytest.LogCaptureFixture
) -> None:
    source = opened(rate_hz=RATE_HZ)
    assert source.format.rate_hz == RATE_HZ
    source.close()
    source = opened(rate_hz=3.0)
    assert source.format.rate_hz == 44100
    assert "vmic does not support 3 Hz: using its own 44100 Hz" in caplog.text
    source.close()
    with pytest.raises(ConfigError, match="interleaved: found 33, expected at most the 32"):
        opened(interleaved=33)


def test_devices_lists_what_can_be_named(card: SoundCard) -> None:
    line = [sys.executable, "-m", "agent", "devices"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert re.search(r"(?m)^ +\d+ vmic, ALSA: 32 channel\(s\), 44100 Hz by default$", done.stdout)


def test_one_is_recorded_where_no_memory_may_be_writable_and_executable(
    card: SoundCard, tmp_path: Path
) -> None:
    """As the systemd unit has it; kernels from 6.3 on can do it for any process."""
    card.play("vmic", noise(tmp_path))
    line = [sys.executable, "-m", "agent", "record", str(tmp_path / "set"), "--label", "fan_ok"]
    keys = ("--source", "mic", "--set", "device=vmic", "--set", f"rate_hz={RATE_HZ}")
    done = subprocess.run(
        [*line, *keys, "--seconds", "1.5"],
        capture_output=True,
        text=True,
        timeout=30,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0),
    )
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "set").glob("fan_ok-*.flac")
    info = soundfile.info(file)
    assert (info.frames, info.samplerate, info.subtype) == (24_000, RATE_HZ, "PCM_16")
    assert 0.05 < np.std(soundfile.read(file)[0]) < 0.2
    assert "dBFS" in done.stderr


def test_one_that_was_pulled_out_is_told_and_opened_again_when_it_is_back(card: SoundCard) -> None:
    source = opened(rate_hz=RATE_HZ)
    read_until(source, 5)
    card.unplug("vmic")
    with pytest.raises(SourceError, match="the device failed: "):
        read_until_broken(source)
    source.close()
    with pytest.raises(SourceError, match="microphone vmic: cannot be opened"):
        opened()
    card.plug("vmic")
    source = opened(rate_hz=RATE_HZ)
    read_until(source, 5)
    source.close()


def read_until_broken(source: microphone.MicSource) -> None:
    give_up_s = time.monotonic() + 5
    while time.monotonic() < give_up_s:
        source.read()


def test_where_cards_have_changed_all_microphones_make_way_for_a_new_look(
    card: SoundCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio looks for devices only when nothing is open."""
    cards = tmp_path / "cards"
    monkeypatch.setattr(portaudio, "CARDS", cards)
    first = opened()
    second = opened()
    second.close()
    cards.write_text(" 1 [Device]: USB-Audio - USB PnP Sound Device\n")
    with pytest.raises(SourceError, match="waits until other microphones have closed"):
        opened()
    with pytest.raises(SourceError, match="can be renewed"):
        read_until_broken(first)
    first.close()
    again, other = opened(), opened()
    read_until(again, 5)
    again.close()
    other.close()


def noise(folder: Path, seconds: int = 60) -> Path:
    """What the tiny model calls normal, for as long as a test may last."""
    path = folder / "noise.wav"
    samples = np.random.default_rng(0).standard_normal(seconds * 1000) * 0.1
    soundfile.write(path, np.clip(samples, -0.999, 0.999), 1000, subtype="PCM_16")
    return path


def tone(folder: Path) -> Path:
    """What the tiny model calls loud, and a converter does not call too loud."""
    path = folder / "tone.wav"
    soundfile.write(path, 0.7 * np.sin(np.arange(30_000) * 0.6), 1000, subtype="PCM_16")
    return path


def resources(agent: Agent) -> tuple[int, int]:
    """Its threads and open files."""
    process = Path("/proc", str(agent.process.pid))
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


def decisions(subscriber: Subscriber) -> list[tuple[str, str | None]]:
    return [(each["decision"], each["label"]) for each in subscriber.records("state")]


def test_what_a_microphone_hears_is_told_over_mqtt_and_pulled_out_it_recovers(
    card: SoundCard,
    broker: Broker,
    subscriber: Subscriber,
    run_agent: Start,
    settings: Settings,
    tmp_path: Path,
) -> None:
    mic_keys = {"kind": "mic", "device": "vmic", "rate_hz": RATE_HZ}
    tree = settings(broker.port, **mic_keys, publish_windows=True)
    tree["agent"]["health_s"] = 0.3
    player = card.play("vmic", noise(tmp_path))
    agent = run_agent(tree)
    eventually(lambda: decisions(subscriber)[-1:] == [("normal", "normal")], 20, "normal")
    before = resources(agent)
    player.kill()
    player = card.play("vmic", tone(tmp_path))
    eventually(lambda: ("fault", "loud") in decisions(subscriber), 10, "a fault")
    player.kill()
    card.play("vmic", noise(tmp_path))
    eventually(lambda: decisions(subscriber)[-1][0] == "normal", 10, "normal")
    last = subscriber.records("window")[-1]["first_sample"]
    card.unplug("vmic")
    eventually(lambda: decisions(subscriber)[-1][0] == "sensor_fault", 5, "sensor_fault")
    card.plug("vmic")
    card.play("vmic", noise(tmp_path))
    eventually(lambda: decisions(subscriber)[-1][0] == "normal", 10, "normal again")
    since = [w for w in subscriber.records("window") if w["first_sample"] > last]
    assert "gap" in {flag for w in since for flag in w["flags"]}
    eventually(lambda: resources(agent) == before, 5, f"threads and files as before: {before}")
    assert subscriber.records("health")[-1]["sources"]["bearing-de"]["opened"] >= 2
    assert agent.stop() == 0
