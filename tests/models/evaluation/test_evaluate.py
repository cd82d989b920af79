"""Evaluation: leaks are caught, figures are right by hand, the report stands alone."""

import argparse
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.errors import UserError
from models.cli import main
from models.data import leakage, listing
from models.evaluation import metrics
from tests.support import tiny
from tests.support.paths import DATA

COUNTS = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])  # no third class in truth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four recordings a label of quiet and of loud noise, one in four held back."""
    rng = np.random.default_rng(0)
    for label, level in (("normal", 0.05), ("loud", 0.25)):
        for number in range(4):
            path = tmp_path / "set" / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, level * rng.standard_normal(4000), 1000, subtype="PCM_16")
    return tmp_path / "set"


def sides(folder: Path) -> tuple[list[listing.Entry], list[listing.Entry]]:
    found = listing.entries(folder)
    training = [entry for entry in found if entry.split.startswith("train")]
    return training, [entry for entry in found if entry.split == "val"]


def evaluate(folder: Path, model: Path, out: Path) -> None:
    parser = argparse.ArgumentParser()
    main.evaluate(parser)
    arguments = ["--data", folder, "--backgrounds", folder, "--out", out]
    parsed = parser.parse_args([str(each) for each in (model, *arguments)])
    assert parsed.run(parsed) == 0


@pytest.mark.parametrize("name", ["cwru", "hit_sm", "uestc"])
def test_no_recording_of_a_data_set_is_on_both_sides(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"needs the data set {name}, which does not come with the project")
    leakage.check(*sides(DATA / name))


@pytest.mark.parametrize("place", [0, 1, 777, 4000 - 2 * leakage.PIECE])
def test_one_window_of_a_test_recording_in_training_is_caught(folder: Path, place: int) -> None:
    leakage.check(*sides(folder))
    victim, rate_hz = soundfile.read(folder / "loud" / "3.wav", dtype="int16")
    other, _ = soundfile.read(folder / "normal" / "0.wav", dtype="int16")
    other[1501 : 1501 + 2 * leakage.PIECE] = victim[place : place + 2 * leakage.PIECE]
    soundfile.write(folder / "normal" / "0.wav", other, rate_hz, subtype="PCM_16")
    with pytest.raises(UserError, match=r"loud/3\.wav: found a piece of it in .*normal/0\.wav"):
        leakage.check(*sides(folder))


def test_a_leak_stops_an_evaluation(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "loud" / "3.wav", folder / "loud" / "1.wav")
    with pytest.raises(UserError, match="both sides"):
        evaluate(folder, tiny.write(tmp_path / "net.onnx"), tmp_path / "report.html")
    assert not (tmp_path / "report.json").exists()


def test_silence_on_both_sides_is_no_leak(folder: Path) -> None:
    for file in ("loud/3.wav", "normal/0.wav"):
        samples, rate_hz = soundfile.read(folder / file, dtype="int16")
        samples[100:900] = 0
        soundfile.write(folder / file, samples, rate_hz, subtype="PCM_16")
    leakage.check(*sides(folder))


def test_figures_are_those_computed_by_hand() -> None:
    normal = np.array([True, False, False])
    assert metrics.recall(COUNTS)[:2].tolist() == [0.8, 0.75]
    assert metrics.macro_recall(COUNTS) == pytest.approx(0.775)
    assert metrics.macro_f1(COUNTS) == pytest.approx((16 / 19 + 6 / 9) / 2)
    assert metrics.missed(COUNTS, normal) == pytest.approx(1 / 4)
    assert metrics.false_alarms(COUNTS, normal) == pytest.approx(2 / 10)


def test_calibration_error_is_the_distance_of_confidence_from_truth() -> None:
    said = np.tile([0.8, 0.2], (10, 1))
    targets = np.array([0] * 5 + [1] * 5)
    assert metrics.calibration_error(said, targets) == pytest.approx(0.3)
    assert metrics.calibration_error(said, np.array([0] * 8 + [1] * 2)) == pytest.approx(0)


def test_intervals_are_over_recordings_and_know_nothing_of_a_single_one() -> None:
    good, bad = np.array([[10, 0], [0, 0]]), np.array([[0, 10], [0, 0]])
    only = np.array([[0, 0], [5, 5]])
    drawn = metrics.resampled(np.stack([good, bad, good, bad, only]), ["a"] * 4 + ["b"], 0)
    assert drawn.shape == (metrics.RESAMPLES, 2, 2)
    low, high = metrics.interval(lambda c: metrics.recall(c)[..., 0], drawn)
    assert low < 0.3
    assert high > 0.7
    assert metrics.interval(lambda c: metrics.recall(c)[..., 1], drawn) == (0.5, 0.5)


CHARTS = (
    "accuracy",
    "confusion-clean",
    "confusion-noisy",
    "reliability-clean",
    "reliability-noisy",
)


def test_a_report_is_one_page_that_needs_nothing_and_is_the_same_again(
    folder: Path, tmp_path: Path
) -> None:
    model = tiny.write(tmp_path / "net.onnx")
    evaluate(folder, model, tmp_path / "one.html")
    evaluate(folder, model, tmp_path / "two.html")
    first = (tmp_path / "one.json").read_bytes()
    assert (tmp_path / "two.json").read_bytes() == first
    found = json.loads(first)
    assert set(found["recordings"]) == {"loud/3.wav", "normal/3.wav"}
    noises = {condition["noise"] for condition in found["conditions"]}
    assert noises >= {"none", "gaussian", "laplacian", "pink", "brown", "blue", "impulsive"}
    assert "recorded" in noises
    charts = sorted(tmp_path.glob("one-*.png"))
    assert [chart.stem for chart in charts] == [f"one-{name}" for name in CHARTS]
    assert all(chart.read_bytes().startswith(b"\x89PNG") for chart in charts)
    page = (tmp_path / "one.html").read_text()
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", page)
    assert page.count("<svg") >= 3
    assert "prefers-color-scheme:dark" in page
