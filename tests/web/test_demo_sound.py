"""What the demonstration mixes into a source, and a microphone as its source."""

import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agent import sources
from agent.cli import demo_page as demo
from agent.config import load
from agent.core.errors import UserError
from agent.core.types import Block, Format, Samples, SourceError
from agent.pipeline import build, window_scorer
from agent.pipeline.source_build import Runtime
from agent.web.demo_harness import DemoHarness
from tests.conftest import eventually


class Tone:
    """A live source of 48 kHz: a tone, now and then paused."""

    format = Format(48_000.0, 1, full_scale=1.0)

    def __init__(self, pauses: bool) -> None:
        self._at = 0
        self._pauses = pauses

    def read(self) -> Block:
        index = np.arange(self._at, self._at + 2400)
        self._at += 2400
        on = 1.0 if not self._pauses or (self._at // 24_000) % 2 else 0.01
        tone = on * np.sin(2 * np.pi * 440 * index / 48_000)
        return Block(tone.astype(np.float32)[:, None])

    def close(self) -> None: ...


@pytest.mark.parametrize("kind", ["gaussian", "laplacian", "pink", "recording"])
@pytest.mark.parametrize("snr_db", [10.0, -5.0])
def test_the_noise_is_at_the_chosen_snr_as_the_network_hears_it(kind: str, snr_db: float) -> None:
    background = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    harness = DemoHarness(rate_hz=10_000.0, simulated=False, background=background)
    harness.controls.change({"noise": kind, "snr_db": snr_db})
    source = harness.wrap(lambda: Tone(pauses=False))
    heard = np.concatenate([source.read().samples for _ in range(80)])[:, 0]  # type: ignore[union-attr]
    frames = heard[10_000:30_000]
    tone = np.sin(2 * np.pi * 440 * np.arange(len(frames)) / 10_000)
    quadrature = np.cos(2 * np.pi * 440 * np.arange(len(frames)) / 10_000)
    fitted = np.stack([tone, quadrature], axis=1)
    signal = fitted @ np.linalg.lstsq(fitted, frames, rcond=None)[0]
    real_db = 10 * np.log10(signal.var() / (frames - signal).var())
    slow = 3.0 if kind == "pink" else 0.5  # two seconds of it are more or less loud
    assert real_db == pytest.approx(snr_db, abs=slow)
    told = harness.truth_log.of(10_000, 20_000)
    assert told.snr_db == pytest.approx(real_db, abs=0.5)
    assert (told.version, told.machine) == (1, None)


def test_pauses_between_words_do_not_hush_the_noise() -> None:
    harness = DemoHarness(rate_hz=10_000.0, simulated=False)
    harness.controls.change({"snr_db": 0.0})
    source = harness.wrap(lambda: Tone(pauses=True))
    blocks: list[Samples] = [source.read().samples[:, 0] for _ in range(100)]  # type: ignore[union-attr]
    steady = np.array([block.var() for block in blocks[30:] if len(block)])
    assert steady.min() > 0.3 * 0.5  # the tone's power, when it sounds, is 0.5


class Microphone:
    """The kind `mic` as far as the page knows it: a module with `Options` and `open_source`."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    @staticmethod
    def open_source(options: "Microphone.Options") -> Tone:
        return Tone(pauses=False)


def test_a_microphone_is_a_source_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sources, "KINDS", (*sources.KINDS, "mic"))
    monkeypatch.setitem(sys.modules, "agent.sources.microphone", Microphone)
    wish = demo.DemoOptions(mic=True, model="bearing", background=None)
    chosen = load.parse(demo.tree(wish, 1883, str(tmp_path)))
    harness = DemoHarness(rate_hz=10_000.0, simulated=False)
    harness.controls.change({"snr_db": 0.0})
    (pipeline,) = build.build_pipelines(chosen, Runtime(wrap_source=harness.wrap))
    stopping = threading.Event()
    threading.Thread(target=pipeline.reader.run, args=(stopping,), daemon=True).start()
    scored: list[Any] = []

    def is_scored() -> bool:
        scored.extend(window_scorer.step([pipeline.scorer]))
        return len(scored) > 20

    eventually(is_scored, 10, "windows")
    stopping.set()
    pipeline.ring.close()
    assert scored[-1].prediction.snr_db < 6
    told = harness.truth_log.of(scored[-1].window.first, 4096)
    assert told.snr_db is None or told.snr_db == pytest.approx(0, abs=1)


def test_without_a_microphone_the_demo_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    known = tuple(kind for kind in sources.KINDS if kind != "mic")
    monkeypatch.setattr(sources, "KINDS", known)
    with pytest.raises(UserError, match="--mic: this drsn-agent has no source of the kind mic"):
        demo.demo(demo.DemoOptions(mic=True))

    def broken(options: Microphone.Options) -> Tone:
        raise SourceError("PortAudio is missing: apt-get install libportaudio2")

    monkeypatch.setattr(sources, "KINDS", (*known, "mic"))
    monkeypatch.setattr(Microphone, "open_source", staticmethod(broken))
    monkeypatch.setitem(sys.modules, "agent.sources.microphone", Microphone)
    with pytest.raises(SourceError, match="PortAudio is missing"):
        demo.demo(demo.DemoOptions(mic=True))
