"""The released network of spoken digits keeps what its contract and its card say."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.types import Prediction
from agent.inference import classifier
from models import zoo
from models.data import noise, recipe
from models.data.recordings import Array
from models.evaluation import metrics, model_file
from models.speech import evaluation, sentences
from tests.support.paths import DATA

FILE = Path(zoo.__file__).parent / "digits.onnx"
RECIPE = recipe.load(FILE.with_suffix(".yaml"))
SETS = ("fsdd", "speech_commands_mini", "noise")

needs_data = pytest.mark.skipif(
    not all((DATA / name).is_dir() for name in SETS),
    reason=f"needs the data sets {', '.join(SETS)}, which do not come with the project",
)


@pytest.fixture(scope="module")
def network() -> classifier.OnnxClassifier:
    return classifier.load(FILE)


def bursts(count: int = 24) -> Array:
    """Windows [count, 1, window] of tones that come and go, in noise: no two alike."""
    rng = np.random.default_rng(0)
    t = np.arange(RECIPE.window) / RECIPE.rate_hz
    tones = np.sin(2 * np.pi * rng.uniform(200, 3000, (count, 1)) * t)
    within = np.abs(t - rng.uniform(0.2, 0.8, (count, 1))) < 0.15
    hiss = 0.1 * rng.standard_normal((count, RECIPE.window))
    return (tones * within + hiss).astype(np.float32)[:, None]


def test_the_file_is_what_its_recipe_makes(network: classifier.OnnxClassifier) -> None:
    contract = network.contract
    assert (contract.labels, contract.normal) == (RECIPE.labels, RECIPE.normal)
    assert (contract.rate_hz, contract.window) == (RECIPE.rate_hz, RECIPE.window)
    assert (contract.family, contract.precision) == (RECIPE.family, "int8")
    assert contract.decide == RECIPE.decide
    assert FILE.stat().st_size < 500_000
    data = FILE.read_bytes()
    assert b"File " not in data
    assert b".py" not in data


def test_a_window_is_answered_alike_alone_and_in_any_batch(
    network: classifier.OnnxClassifier,
) -> None:
    windows = bursts()
    alone = answers(network, windows, 1)
    for batch in (2, 3, 5, 8, 16, 24):
        assert answers(network, windows, batch) == alone  # to the bit


def answers(network: classifier.OnnxClassifier, windows: Array, batch: int) -> list[Prediction]:
    starts = range(0, len(windows), batch)
    return [p for start in starts for p in network.classify(windows[start : start + batch])]


def test_the_gain_of_the_microphone_changes_nothing(network: classifier.OnnxClassifier) -> None:
    loud = [p.probabilities for p in network.classify(bursts())]
    faint = [p.probabilities for p in network.classify(np.float32(1e-4) * bursts())]
    assert np.allclose(loud, faint, atol=0.02)
    assert np.argmax(loud, 1).tolist() == np.argmax(faint, 1).tolist()


@pytest.mark.parametrize("kind", [*noise.PLAIN, "brown", "blue"])
@pytest.mark.parametrize("level", [1e-5, 0.1])
def test_noise_alone_is_silence_however_faint(
    network: classifier.OnnxClassifier, kind: str, level: float
) -> None:
    draw = {**noise.PLAIN, **noise.UNSEEN}[kind]
    drawn = level * draw((20, 1, RECIPE.window), np.random.default_rng(3))
    said = model_file.labels_of(network, drawn.astype(np.float32), np.zeros((20, 5), np.float32))
    assert np.mean(said == RECIPE.labels.index("silence")) >= 0.95


def test_no_signal_at_all_is_answered_with_numbers(network: classifier.OnnxClassifier) -> None:
    said = network.classify(np.zeros((1, 1, RECIPE.window), np.float32))[0]
    assert sum(said.probabilities) == pytest.approx(1.0, abs=1e-4)
    assert said.snr_db is not None
    assert np.isfinite(said.snr_db)


@needs_data
def test_the_figures_of_the_contract_are_measured_again(network: classifier.OnnxClassifier) -> None:
    windows_by_condition = evaluation.evaluation_windows(RECIPE, DATA)
    for condition in ("clean", "0 dB"):
        windows = windows_by_condition[condition]
        said = model_file.labels_of(network, windows.samples, windows.running)
        told = network.contract.figures[f"f1_{condition.replace(' ', '').lower()}"]
        # Another processor rounds a little differently.
        assert told == pytest.approx(metrics.macro_f1_of(windows.targets, said), abs=0.01)


def test_the_card_tells_the_figures_of_this_file(network: classifier.OnnxClassifier) -> None:
    card = " ".join(FILE.with_suffix(".md").read_text().split())
    assert f"{FILE.stat().st_size:,} bytes" in card
    assert all(source.terms in card for source in RECIPE.data)
    told = network.contract.figures
    agreed = [told[name] for name in told if name.startswith("agreement_")]
    assert len(agreed) == len(evaluation.CONDITIONS)
    for share, condition in zip(agreed, evaluation.CONDITIONS, strict=True):
        assert f"{100 * share:.1f} % ({condition})" in card


@needs_data
def test_a_sentence_replayed_gives_an_event_a_digit(
    network: classifier.OnnxClassifier, tmp_path: Path
) -> None:
    """A speaker and a background that training never heard; 20 dB while the digits sound."""
    sentence = sentences.sentences(RECIPE, DATA, 20.0, 1)[0]
    file = tmp_path / "sentence.wav"
    scaled = 0.9 * sentence.samples / np.abs(sentence.samples).max()
    soundfile.write(file, scaled, round(RECIPE.rate_hz), "FLOAT")
    command = [sys.executable, "-m", "agent", "replay", str(file), "--model", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    events = [each for each in records if each["schema"] == "drsn-event/1"]
    named = [each["label"] for each in events if each["decision"] == "detected"]

    said = sentences.predictions(network, sentence, sentences.HOP_S)
    found = sentences.events(network.contract, said, RECIPE.decide, sentences.HOP_S)
    assert named == [label for _, label in found]
    assert next(e["label"] for e in events if e["decision"] != "abstain") == "silence"
    assert sentences.score(sentence, found).right >= 7
    assert "sensor_fault" not in {each["decision"] for each in events}
