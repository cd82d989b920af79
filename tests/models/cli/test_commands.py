"""A user's own folder of recordings becomes a model file, by the verbs alone."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from agent.core.bearing import Bearing
from agent.core.errors import UserError
from agent.inference import classifier
from agent.sources.machine_simulator import Machine, Spec
from models.cli import main

pytestmark = pytest.mark.timeout(300)  # networks are trained or exported

RATE_HZ = 8000
SMALL = ("--preset", "small")


def run(verb: Callable[[argparse.ArgumentParser], None], *arguments: object) -> int:
    parser = argparse.ArgumentParser()
    verb(parser)
    parsed = parser.parse_args([str(argument) for argument in arguments])
    return int(parsed.run(parsed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WAV files of a simulated machine, healthy and with a damaged race, one folder a label."""
    root = tmp_path_factory.mktemp("machine")
    for label in ("normal", "outer"):
        for number in range(4):
            machine = Machine(Spec(rate_hz=RATE_HZ), np.random.default_rng(number))
            samples = machine.render(2 * RATE_HZ, label, 1.0) / 16
            (root / label).mkdir(exist_ok=True)
            soundfile.write(root / label / f"{number}.wav", samples, RATE_HZ)
    return root


@pytest.fixture(scope="module")
def checkpoint(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("out") / "net.pt"
    arguments = ("--rate-hz", 7000, "--window", 512, "--steps", 50, "--batch", 24, *SMALL)
    assert run(main.train, folder, *arguments, "--out", path) == 0
    return path


def test_train_export_and_quantize_make_a_file_that_the_agent_runs(
    folder: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, small = tmp_path / "net.onnx", tmp_path / "net.int8.onnx"
    assert run(main.export, checkpoint, "--out", whole) == 0
    assert run(main.quantize, whole, "--data", folder, "--out", small) == 0
    assert str(small) in capsys.readouterr().out
    networks = [classifier.load(path) for path in (whole, small)]
    assert [n.contract.precision for n in networks] == ["float32", "int8"]
    assert networks[1].contract.labels == ("normal", "outer")
    windows = recorded(folder)
    answers = [[np.argmax(p.probabilities) for p in n.classify(windows)] for n in networks]
    assert np.mean(np.equal(answers[0], answers[1])) >= 0.99
    assert np.mean(np.equal(answers[1], np.repeat([0, 1], len(windows) // 2))) > 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.int8.onnx", "net.onnx"]


def recorded(folder: Path) -> np.ndarray:
    """Windows of the validation recordings, normal ones first."""
    from models.data import recordings
    from models.data.recipe import Source

    source = Source(folder.name)
    labels = ("normal", "outer")
    found = recordings.load(folder.parent, source, ["val"], labels, 7000)
    return np.concatenate([recordings.windows(recording, 512, 50) for recording in found])


def test_release_writes_file_and_card_and_trains_but_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "{name: small, labels: [normal, outer], normal: [normal], rate_hz: 7000, window: 512, "
        "preset: small, steps: 10, batch: 16, controls: [convnet], "
        f"data: [folder: {folder.name}]}}\n"
    )
    arguments = ("--recipe", recipe, "--data", folder.parent, "--work", tmp_path / "work")
    assert run(main.release, *arguments) == 0
    first = (tmp_path / "small.onnx").read_bytes()
    assert "convnet: step 10 of 10" in capsys.readouterr().out
    assert run(main.release, *arguments) == 0
    assert "step" not in capsys.readouterr().out
    assert (tmp_path / "small.onnx").read_bytes() == first
    contract = classifier.load(tmp_path / "small.onnx").contract
    card = (tmp_path / "small.md").read_text()
    assert f"{100 * contract.figures[f'{folder.name}_clean']:.1f}" in card
    assert f"{len(first):,} bytes" in card
    for name in ("small.onnx", "variants/small.float.onnx"):  # the control, as if it were released
        shutil.copyfile(tmp_path / name, tmp_path / name.replace("small", "small-convnet"))
    (tmp_path / "small.md").unlink()
    assert run(main.release, *arguments, "--measure") == 0
    assert "step" not in capsys.readouterr().out
    assert (tmp_path / "small.onnx").read_bytes() == first
    assert f"{len(first):,} bytes" in (tmp_path / "small.md").read_text()


def test_the_forms_of_a_released_file_are_written_again(
    folder: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.cli.forms import forms

    model, whole = tmp_path / "net.onnx", tmp_path / "whole.onnx"
    assert run(main.export, checkpoint, "--out", whole) == 0
    assert run(main.quantize, whole, "--data", folder, "--out", model) == 0
    recipe = tmp_path / "net.yaml"
    recipe.write_text(
        "{name: net, labels: [normal, outer], normal: [normal], rate_hz: 7000, window: 512, "
        f"data: [folder: {folder.name}]}}\n"
    )
    arguments = ("--recipe", recipe, "--data", folder.parent)
    with pytest.raises(
        UserError, match=r"net\.float\.onnx: found no float form, expected it there"
    ):
        run(forms, model, *arguments)
    assert run(forms, model, *arguments, "--float", whole) == 0
    assert "100.00% of the calibration windows" in capsys.readouterr().out
    written = {path.name: classifier.load(path) for path in (tmp_path / "variants").iterdir()}
    assert {name: network.contract.precision for name, network in written.items()} == {
        "net.float.onnx": "float32",
        "net.int8-weights.onnx": "int8-weights",
        "net.int8-full.onnx": "int8-full",
    }
    assert written["net.float.onnx"].contract.figures[f"{folder.name}_clean"] > 0.5


def test_without_torch_a_verb_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[train\]'"):
        run(main.export, "net.pt", "--out", "net.onnx")
    with pytest.raises(UserError, match=r"pip install 'drsn-agent\[train\]'"):
        run(main.evaluate, "bearing", "--data", "folder", "--out", "report.html")


@pytest.mark.parametrize("bearing", [("6205",), ("3.6", "5.4", "2.3", "0.4")])
def test_a_recipe_has_the_bearing_by_name_or_by_its_orders(
    bearing: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "twin.yaml"
    options = ("--rate-hz", 7000, "--family", "drsn-twin", "--bearing", *bearing)
    assert run(main.train, folder, *options, "--out", out) == 0
    (source,) = yaml.safe_load(out.read_text())["data"]
    assert Bearing(**source["bearing"]).orders.bpfo == pytest.approx(3.6, abs=0.02)


def test_train_needs_a_folder_or_a_recipe_and_a_healthy_label(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for given in ((), (folder, "--recipe", "r.yaml")):
        with pytest.raises(UserError, match="either a folder of recordings, or --recipe"):
            run(main.train, *given, "--out", tmp_path / "x.pt")
    with pytest.raises(
        UserError, match="--steps: found it beside --recipe, expected it in the recipe"
    ):
        run(main.train, "--recipe", "r.yaml", "--steps", 5, "--out", tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"x\.bin, expected a name that ends in \.onnx"):
        run(main.train, folder, "--out", tmp_path / "x.bin")
    with pytest.raises(UserError, match="expected 'healthy'"):
        run(
            *(main.train, folder, "--rate-hz", 7000, "--normal", "healthy"),
            *("--out", tmp_path / "x.pt"),
        )


def test_a_number_that_cannot_be_is_refused(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    arguments = ("--rate-hz", 7000, "--steps", 0, "--out", tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"train: Expected `int` >= 1 - at `\$.steps`"):
        run(main.train, folder, *arguments)


def test_train_refuses_recordings_shorter_than_a_window(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    arguments = ("--rate-hz", 7000, "--window", 100_000, "--out", tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"0\.wav: found 14000 frames at 7000 Hz"):
        run(main.train, folder, *arguments)


def test_export_refuses_what_is_no_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "odd.pt").write_bytes(b"odd")
    for name, said in (("odd.pt", "found no checkpoint"), ("none.pt", "expected a checkpoint")):
        with pytest.raises(UserError, match=said):
            run(main.export, tmp_path / name, "--out", tmp_path / "x.onnx")


def test_quantize_refuses_a_file_that_is_int8_already(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    released = Path(main.__file__).parents[1] / "zoo" / "bearing.onnx"
    with pytest.raises(UserError, match="precision: found int8, expected float32"):
        run(main.quantize, released, "--data", folder, "--out", tmp_path / "x.onnx")
