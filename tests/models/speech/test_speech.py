"""Words as a microphone sends them, and the network that hears them."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from agent.core.errors import UserError  # noqa: E402 (torch may be missing)
from models.data import noise as noises  # noqa: E402
from models.data import recipe  # noqa: E402
from models.data.batches import batches  # noqa: E402
from models.data.recipe import Recipe  # noqa: E402
from models.data.recordings import Array, Recording  # noqa: E402
from models.data.validation import Labelled  # noqa: E402
from models.networks import cost  # noqa: E402
from models.networks.dimensions import Dimensions  # noqa: E402
from models.networks.mel_resnet import FLOOR, LogMel, mel_bands  # noqa: E402
from models.networks.registry import build  # noqa: E402
from models.speech import card as speech_card  # noqa: E402
from models.speech import run, sentences, voices  # noqa: E402
from models.speech.card_results import CardData  # noqa: E402
from models.speech.corpus import LABELS, OTHER_WORDS, label_of  # noqa: E402
from models.speech.evaluation import CONDITIONS  # noqa: E402
from models.speech.release import RECIPE  # noqa: E402
from models.speech.run import (  # noqa: E402
    Material,
    SpeechRun,
)
from models.speech.sentences import Sentence, WordResults, score  # noqa: E402
from models.speech.words import PIECES, among, between, in_silence, trimmed  # noqa: E402

WINDOW, RATE_HZ = 8000, 8000.0


def word(frames: int, seed: int = 0) -> Array:
    """Never silent, so that every frame of it can be found again."""
    return (1.0 + np.random.default_rng(seed).random(frames)).astype(np.float32)


@pytest.mark.parametrize("frames", [900, 4000, 7200])
def test_every_window_of_a_recording_holds_its_whole_word(frames: int) -> None:
    rng = np.random.default_rng(1)
    said = word(frames)
    for made in (in_silence(said, WINDOW), among(said, word(5000, 1), word(5000, 2), WINDOW, rng)):
        for start in (0, (WINDOW - frames) // 2, WINDOW - frames):
            window = made[0, start : start + WINDOW]
            assert len(window) == WINDOW
            at = WINDOW - frames - start
            assert np.array_equal(window[at : at + frames], said)


def test_a_neighbour_never_touches_the_word_and_shows_half_of_itself_at_most() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = among(word(3000), word(2500, 1), word(2000, 2), WINDOW, rng)[0]
        sounds = np.flatnonzero(made)
        before, after = sounds[sounds < 5000], sounds[sounds >= 8000]
        assert 0 < len(before) <= PIECES[1] * 2500 + 1
        assert 0 < len(after) <= PIECES[1] * 2000 + 1
        assert before.max() < 5000 - 700
        assert after.min() > 8000 + 700


def test_a_window_between_words_holds_half_of_one_at_most() -> None:
    rng = np.random.default_rng(2)
    shown = [between(word(3000, 1), word(3000, 2), WINDOW, rng)[0] for _ in range(30)]
    for window in shown:
        assert 0 < np.count_nonzero(window[:4000]) + np.count_nonzero(window[4000:]) <= 3001
        assert np.count_nonzero(window[:4000]) <= 1501
    assert any(window[0] and window[-1] for window in shown)
    assert any(window[0] and not window[-1] for window in shown)
    assert any(window[-1] and not window[0] for window in shown)


def test_silence_around_a_word_is_trimmed_and_the_word_is_not() -> None:
    quiet = 0.001 * np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    found = trimmed(np.concatenate([quiet, word(2000), quiet]), RATE_HZ, WINDOW)
    assert 2000 <= len(found) <= 2000 + 2 * 400
    assert np.isin(word(2000), found).all()
    assert len(trimmed(word(20_000), RATE_HZ, WINDOW)) < WINDOW


def test_a_digit_has_one_label_however_it_is_written_and_no_other_word_is_one() -> None:
    assert label_of("7") == label_of("seven") == "seven"
    assert {label_of(each) for each in ("tree", "no", "seventeen")} == {"other"}
    assert not set(OTHER_WORDS) & set(LABELS)


def test_bands_are_means_of_the_bins_power_and_a_tone_lights_its_own() -> None:
    bands = mel_bands(32, 200, RATE_HZ)
    assert torch.allclose(bands.sum(1), torch.ones(32))
    centres_hz = (bands * torch.arange(1, 101) * 40.0).sum(1)
    assert (centres_hz.diff() > 0).all()
    spectrogram = LogMel(32, RATE_HZ)
    t = torch.arange(WINDOW) / RATE_HZ
    # Half a second of tone: over the window each band is relative to its mean.
    tone = torch.sin(2 * torch.pi * 1500.0 * t) * (t < 0.5)
    lit = spectrogram(tone[None, None, None])[0, 0]  # [bands, frames]
    assert abs(float(centres_hz[lit[:, 10].argmax()]) - 1500) < 120
    assert torch.allclose(lit.mean(1), torch.zeros(32), atol=1e-4)


def test_white_noise_of_unit_power_has_unit_power_in_every_band() -> None:
    spectrogram = LogMel(32, RATE_HZ)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 1, 1, WINDOW)))
    h = spectrogram.waves(noise.float())
    power = spectrogram.mel(h * h) - FLOOR
    assert torch.allclose(power.mean((0, 2, 3)), torch.ones(32), atol=0.15)


def test_the_three_networks_differ_in_the_gate_alone() -> None:
    sizes = {}
    for family in ("drsn-mel", "se-mel", "res-mel"):
        network = build(family, "deploy", Dimensions(1, WINDOW, len(LABELS), RATE_HZ))
        assert cost.macs(network, 1, WINDOW) < 25_000_000
        sizes[family] = cost.parameters(network)
        gates = sum(p.numel() for unit in network.units for p in unit.gate.parameters())  # type: ignore[union-attr]
        assert sizes[family] - gates == 217_708
    assert sizes["drsn-mel"] == pytest.approx(sizes["se-mel"], rel=0.01)
    assert max(sizes.values()) < 250_000


@pytest.mark.parametrize(
    ("channels", "window", "expected"),
    [(2, WINDOW, "channels: found 2"), (1, 256, "window: found")],
)
def test_what_cannot_be_heard_is_refused_in_one_line(
    channels: int, window: int, expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        build("drsn-mel", "deploy", Dimensions(channels, window, 12, 20_000.0))


def test_recorded_noise_needs_a_background_and_is_then_mixed_in_at_the_told_level() -> None:
    made = small()
    fields = msgspec.to_builtins(made)
    fields["colour_db"] = 0.0
    fields["noise"] |= {"kinds": ["recorded"], "snr_db": [3.0, 3.0], "clean": 0.0}
    mixed = recipe.checked(fields, "test")
    tone = np.sin(np.arange(3 * WINDOW) * 0.3, dtype=np.float32)[None]
    background = Recording("noise", "room", "silence", np.ones((1, 3 * WINDOW), np.float32))
    background.samples[:, ::2] = -1.0  # at half of the rate, where the tone has nothing
    recordings = [Recording("a", label, label, tone) for label in LABELS if label != "silence"]
    drawn = next(batches([*recordings, background], mixed, np.random.default_rng(0)))
    spoken = drawn.samples[drawn.targets != LABELS.index("silence"), 0]
    nyquist = np.abs(spoken @ background.samples[0, : made.window]) / made.window
    assert 10 * np.log10(0.5 / nyquist**2) == pytest.approx(3.0, abs=0.1)

    fields["noise"]["background"] = ""
    with pytest.raises(UserError, match=r"test: .*kinds"):
        recipe.checked(fields, "test")


@pytest.mark.parametrize("kind", noises.TRAINING)
def test_a_batch_without_a_window_for_a_kind_of_noise_is_no_mistake(kind: str) -> None:
    nothing = noises.TRAINING[kind]((0, 1, WINDOW), np.random.default_rng(0))
    assert nothing.shape == (0, 1, WINDOW)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the package espeak-ng")
def test_voices_differ_and_are_the_same_every_time() -> None:
    def spoken(seed: int) -> list[Array]:
        return list(voices.spoken("six", 3, RATE_HZ, np.random.default_rng(seed)))

    once, again = spoken(0), spoken(0)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert len({len(each) for each in once}) == 3
    assert all(0.2 < len(each) / RATE_HZ < 2.5 for each in once)


def test_a_digit_counts_as_heard_only_if_it_is_named_once_and_rightly() -> None:
    spoken = Sentence(
        np.zeros(50_000, np.float32),
        ("one", "two", "three", "four"),
        (100, 10_000, 20_000, 30_000),
        (4000, 14_000, 24_000, 34_000),
    )
    found = [(500, "one"), (11_000, "two"), (12_000, "six"), (31_000, "five")]
    assert score(spoken, found) == WordResults(spoken=4, right=1, wrong=2, missed=1)
    assert score(spoken, [(50, "one"), *found]).wrong == 3


def small() -> Recipe:
    made = recipe.load(RECIPE)
    return msgspec.structs.replace(made, preset="small", window=2048, batch=24, steps=2)


def tones() -> Material:
    """A tone a label in the place of words, and hiss as the background."""
    rng = np.random.default_rng(0)
    t = np.arange(4096)
    recordings = [
        Recording("a", label, label, np.sin(t * (0.2 + 0.2 * i), dtype=np.float32)[None])
        for i, label in enumerate(LABELS)
        if label != "silence"
    ]
    hiss = rng.standard_normal((1, 20_000)).astype(np.float32)
    recordings.append(Recording("noise", "hiss", "silence", hiss))
    windows = np.stack([r.samples[:, :2048] for r in recordings for _ in range(4)])
    targets = np.repeat([LABELS.index(r.label) for r in recordings], 4)
    judged = Labelled(windows, targets, np.zeros((len(targets), 5), np.float32))
    return Material(recordings, dict.fromkeys(CONDITIONS, judged))


def test_a_run_ends_in_two_files_and_all_figures_and_is_not_made_twice(tmp_path: Path) -> None:
    lines: list[str] = []
    shared = tones()
    once = run.run(small(), shared, tmp_path, lines.append)
    assert set(once.f1) == {"float32", "int8"}
    assert all(set(each) == set(CONDITIONS) for each in once.f1.values())
    assert 0.0 < once.f1["int8"]["clean"] <= 1.0
    assert once.snr_error_db is not None
    assert lines
    trained = (tmp_path / "net.pt").stat().st_mtime_ns
    lines.clear()
    again = run.run(small(), shared, tmp_path, lines.append)
    assert again == once
    assert lines == []
    assert (tmp_path / "net.pt").stat().st_mtime_ns == trained
    held = stored(tmp_path / "int8.onnx")
    assert held["network.spectrogram.waves.weight/taper"] == onnx.TensorProto.FLOAT
    assert held["network.units.0.conv1.weight_quantized"] == onnx.TensorProto.INT8
    assert "macro-F1" in speech_card.line(once)


def stored(path: Path) -> dict[str, int]:
    return {each.name: each.data_type for each in onnx.load(path).graph.initializer}


def test_sentences_are_of_all_ten_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {label: [word(2000, i)] for i, label in enumerate(LABELS[:10])}
    hiss = Recording(
        "noise",
        "hiss",
        "silence",
        np.random.default_rng(0).standard_normal((1, 400_000)).astype(np.float32),
    )
    monkeypatch.setattr(sentences, "words", lambda *_: said)
    monkeypatch.setattr(sentences, "backgrounds", lambda *_, **__: [hiss])
    for sentence in sentences.sentences(recipe.load(RECIPE), Path(), 6.0, 3):
        assert sorted(sentence.labels) == sorted(LABELS[:10])
        gaps = np.diff(sentence.begins) - 2000
        assert (gaps >= 8000).all()
        assert (gaps <= 1.6 * 8000 + 1).all()


def test_the_card_pairs_the_networks_by_seed(tmp_path: Path) -> None:
    made = recipe.load(RECIPE)
    runs = [
        figures_of(family, seed, f1)
        for seed, level in enumerate((0.80, 0.84))
        for family, f1 in (("drsn-mel", level), ("se-mel", level - 0.02), ("res-mel", level + 0.01))
    ]
    file = tmp_path / "digits.onnx"
    file.write_bytes(b"x" * 1234)
    by = {"own": WordResults(10, 7, 1, 2), "machine": WordResults(10, 5, 0, 5)}
    us = {"1": {"float32": 300.0, "int8": 200.0}}
    card = speech_card.text(made, runs, CardData({"fsdd": 4000}, {"one": 54}, {20.0: by}, us), file)
    assert "| drsn-mel INT8 | 5 | 82.0 ± 2.8 |" in card
    assert "| se-mel INT8 | +2.0 ± 0.0 |" in card
    assert "| res-mel float | -1.0 ± 0.0 |" in card
    assert "| 20 dB | 10 | 7 | 1 | 2 | 5 | 0 | 5 |" in card
    assert "1,234 bytes" in card
    assert all(len(line) <= 100 or line.startswith("|") for line in card.splitlines())


def figures_of(family: str, seed: int, f1: float) -> SpeechRun:
    each = dict.fromkeys(CONDITIONS, f1)
    recall = dict.fromkeys(CONDITIONS, [f1] * len(LABELS))
    return SpeechRun(family, seed, 5, 7, {"float32": each, "int8": each}, each, recall, 3.0)
