"""Recordings: read in their unit at the model's rate, split whole, refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.errors import UserError
from models.data import listing, recipe, recordings, simulate, validation
from models.data.batches import batches, equalized, noisy
from models.data.recipe import Noise, Recipe, Simulated, Source
from tests.support.paths import DATA

ZOO = recipe.load(Path(recipe.__file__).parents[1] / "zoo" / "bearing.yaml")


def tone(path: Path, hz: float = 50.0, rate_hz: int = 2000, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hz * time_s), rate_hz)
    return path


def per_label(root: Path, files: int = 5) -> Path:
    for label in ("normal", "worn"):
        for number in range(files):
            tone(root / label / f"{number}.wav", 50.0 + number)
    return root


def listed(root: Path, row: str, head: str = "file,label,rate_hz,scale,split") -> Path:
    tone(root / "a.wav")
    (root / "manifest.csv").write_text(f"{head}\n{row}\n")
    return root


def load(
    root: Path, source: Source | None = None, rate_hz: float = 2000.0
) -> list[recordings.Recording]:
    return recordings.load(root.parent, source or Source(root.name), ["train"], ["normal"], rate_hz)


def test_a_folder_per_label_is_split_by_recording_and_always_alike(tmp_path: Path) -> None:
    found = listing.entries(per_label(tmp_path / "mine"))
    assert found == listing.entries(tmp_path / "mine")
    held = [entry.path.stem for entry in found if entry.split == "val"]
    assert held == ["3", "3"]
    assert {entry.label for entry in found} == {"normal", "worn"}


def test_a_label_with_one_recording_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found one recording, expected two"):
        listing.entries(per_label(tmp_path, files=1))


def test_samples_are_scaled_to_their_unit_and_brought_to_the_rate(tmp_path: Path) -> None:
    root = listed(tmp_path / "set", "a.wav,normal,2000,0.001,train")
    (found,) = load(root, rate_hz=1000.0)
    assert found.samples.shape == (1, 2000)
    assert found.samples.dtype == np.float32
    middle = found.samples[0, 500:1500]
    assert np.abs(middle).max() == pytest.approx(0.5 * 32767 * 0.001, rel=0.01)
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() == 50  # Hz: one second


@pytest.mark.parametrize(
    ("row", "head", "expected"),
    [
        ("b.wav,normal,2000,1,train", None, "line 2: found no file b.wav"),
        ("a.wav,odd,2000,1,train", None, "label: found 'odd', expected normal"),
        ("a.wav,normal,fast,1,train", None, "rate_hz, scale or rpm"),
        ("a.wav,normal,2000,1|2,train", None, "found 1 channels"),
        ("a.wav,normal,2000,1,val", None, "found no recording in split train"),
        ("a.wav,train", "file,split", "found no column label"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_line(
    tmp_path: Path, row: str, head: str | None, expected: str
) -> None:
    root = listed(tmp_path / "set", row, *([head] if head else []))
    with pytest.raises(UserError, match=expected.replace("|", r"\|")) as refused:
        load(root)
    assert "\n" not in str(refused.value)


def test_a_folder_without_recordings_and_a_channel_too_far_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found no such folder"):
        listing.entries(tmp_path / "nowhere")
    with pytest.raises(UserError, match="found no recordings"):
        listing.entries(tmp_path)
    root = listed(tmp_path / "set", "a.wav,normal,2000,1,train")
    with pytest.raises(UserError, match="found 1 channels, expected 2"):
        load(root, Source("set", channels=(1,)))


def test_a_recipe_with_a_mistake_is_refused_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\nlabels: [a, b]\nnormal: [a]\nrate_hz: fast\nwindow: 512\ndata: []\n")
    with pytest.raises(UserError, match=r"r\.yaml: .*rate_hz"):
        recipe.load(path)
    path.write_text(
        "name: x\nlabels: [a, b]\nnormal: [c]\nrate_hz: 8\nwindow: 8\ndata: [folder: d]\n"
    )
    with pytest.raises(UserError, match="normal: found"):
        recipe.load(path)
    with pytest.raises(UserError, match="expected a recipe"):
        recipe.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("source", ZOO.data, ids=lambda source: source.folder)
def test_no_recording_is_on_both_sides_of_a_split(source: Source) -> None:
    if not (DATA / source.folder).is_dir():
        pytest.skip(f"needs the data set {source.folder}, which does not come with the project")
    found = listing.entries(DATA / source.folder)
    train = {entry.path for entry in found if entry.split in source.train}
    val = {entry.path for entry in found if entry.split in source.val}
    assert train
    assert val
    assert not train & val


def test_windows_are_drawn_as_often_from_every_label() -> None:
    made = simulate.machines(2, 1.0, 0, 10_000.0)
    few = Recipe(
        name="few",
        labels=("normal", "inner", "outer", "ball"),
        normal=("normal",),
        rate_hz=10_000,
        window=1024,
        data=(Source("none"),),
        simulated=Simulated(),
    )
    drawn = [next(batches(made, few, np.random.default_rng(seed))) for seed in range(8)]
    share = np.bincount(np.concatenate([batch.targets for batch in drawn])) / (8 * 128)
    assert np.all(np.abs(share - 0.25) < 0.06)
    assert drawn[0].samples.shape == (128, 1, 1024)
    again = next(batches(made, few, np.random.default_rng(0)))
    assert np.array_equal(again.samples, drawn[0].samples)  # one seed, the same windows


def test_noise_has_the_snr_it_says_and_clean_windows_stay_clean() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((64, 1, 2048)).astype(np.float32)
    found, snr_db = noisy(clean, Noise(clean=0.25), rng)
    left = np.isinf(snr_db)
    assert 4 < left.sum() < 32
    assert np.array_equal(found[left], clean[left])
    ratio = clean.var(axis=(1, 2)) / (found - clean).var(axis=(1, 2)).clip(1e-12)
    np.testing.assert_allclose(10 * np.log10(ratio[~left]), snr_db[~left], atol=0.01)


def test_the_equalizer_keeps_length_and_moves_no_frequency() -> None:
    time_s = np.arange(1000) / 1000
    sine = np.sin(2 * np.pi * 40 * time_s).astype(np.float32)[None, None]
    found = equalized(sine, 6.0, np.random.default_rng(0))
    assert found.shape == sine.shape
    gain = np.linalg.norm(found) / np.linalg.norm(sine)
    assert np.corrcoef(found[0, 0], sine[0, 0])[0, 1] > 0.999
    assert gain != pytest.approx(1.0, abs=0.01)


def test_validation_windows_are_balanced_and_a_short_recording_is_refused() -> None:
    made = simulate.default(2, 1.0, 0, 10_000.0)
    found = validation.labelled(made, ZOO)
    assert np.bincount(found.targets).tolist() == [validation.PER_CLASS] * 4
    with pytest.raises(UserError, match="expected at least 20000"):
        recordings.windows(made[0], 20_000, 1)
