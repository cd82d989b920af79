"""One command from a folder to a released file; interrupted, resumed, on two processes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import soundfile

from agent.cli.main import main
from agent.core.errors import UserError
from agent.inference import classifier, variant_files
from models.data import simulate, validation
from models.evaluation import model_file
from tests.conftest import eventually

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
savemat = pytest.importorskip("scipy.io").savemat

from models.data import recipe  # noqa: E402 (torch may be missing)
from models.data.recipe import Recipe, Source, Stopping  # noqa: E402
from models.training import checkpoint, resume  # noqa: E402
from models.training.distributed import SINGLE  # noqa: E402
from models.training.early_stopping import (  # noqa: E402
    EarlyStopping,
)
from models.training.resume import Origin, StateFile  # noqa: E402

pytestmark = pytest.mark.timeout(300)  # networks are trained or exported

RATE_HZ = 8000
LABELS = ("inner", "normal", "outer")
SMALL = ("--preset", "small", "--window", "1024", "--batch", "32", "--rate-hz", str(RATE_HZ))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five recordings a label of the simulated machine: three WAV and two of other kinds."""
    root = tmp_path_factory.mktemp("data") / "fan"
    for made in simulate.default(5, 1.5, 3, RATE_HZ):
        if made.label in LABELS:
            number = int(made.file.split("-")[1])
            (root / made.label).mkdir(parents=True, exist_ok=True)
            write(root / made.label, number, made.samples[0] / 16)
    return root


def write(folder: Path, number: int, samples: np.ndarray) -> None:
    if number == 1:
        rows = np.c_[np.arange(len(samples)) / RATE_HZ, samples]
        np.savetxt(folder / "1.csv", rows, "%.6g", ",", header="time_s,x", comments="")
    elif number == 4 and folder.name == "outer":
        savemat(folder / "4.mat", {"outer_time": samples, "fs": RATE_HZ})
    elif number == 4:
        np.save(folder / "4.npy", samples)
    else:
        soundfile.write(folder / f"{number}.wav", samples, RATE_HZ)


def command(*arguments: object) -> subprocess.Popen[str]:
    """The real command, on one thread, so that its sums are the same every time."""
    line = [sys.executable, "-m", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, said + complained
    return said


def long(folder: Path, out: Path) -> tuple[object, ...]:
    """A training of a few seconds that saves its state often."""
    return ("train", folder, *SMALL, "--steps", 45, "--save-every", 4, "--out", out)


@pytest.fixture(scope="module")
def uninterrupted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "net.pt"
    finished(command("agent", *long(folder, out)))
    return out


def weights(path: Path) -> dict[str, bytes]:
    state = checkpoint.load(path).network.state_dict()
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


@pytest.mark.timeout(300)
def test_one_command_makes_a_file_that_recognises_the_machine_and_a_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fan.onnx"
    given = ("train", folder, *SMALL, "--steps", 100, "--keep-variants", "--out", out)
    assert main([str(each) for each in given]) == 0
    said = capsys.readouterr().out
    assert re.search(r"step \d+ of 100, loss .* validation macro-F1 .* min \d+ s left", said)
    assert re.search(r"INT8 and float agree on [\d.]+ % of the validation windows", said)
    network = classifier.load(out)
    assert (network.contract.precision, network.contract.name) == ("int8", "fan")
    held_back = [r for r in simulate.default(3, 2.0, 77, RATE_HZ) if r.label in LABELS]
    clean = validation.labelled(held_back, made(folder))
    right = model_file.labels_of(network, clean.samples, clean.running) == clean.targets
    assert right.mean() > 0.95
    assert classifier.load(tmp_path / "fan.float.onnx").contract.precision == "float32"
    report = json.loads((tmp_path / "fan.json").read_bytes())
    assert report["recordings"] == {
        "inner/3.wav": "inner",
        "normal/3.wav": "normal",
        "outer/3.wav": "outer",
    }
    assert report["model"]["sha256"] == network.sha256
    assert network.sha256 in (tmp_path / "fan.html").read_text()
    assert f"{out.stat().st_size:,} bytes" in (tmp_path / "fan.md").read_text()
    assert tuple(variant_files.existing(out)) == variant_files.FORMS
    forms = {path.name for path in variant_files.existing(out).values()}
    kept = {"fan.onnx", *forms, "fan.md", "fan.html", "fan.json"}
    assert {path.name for path in tmp_path.iterdir()} == kept  # and no state


def test_killed_and_started_again_it_ends_at_the_same_weights(
    folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out, state = tmp_path / "net.pt", tmp_path / "net.resume"
    first = command("agent", *long(folder, out))
    eventually(state.is_file, 60, "a state is saved")
    first.kill()
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert not out.exists()
    said = finished(command("agent", *long(folder, out)))
    after = re.search(r"goes on after step (\d+)", said)
    assert after
    assert 4 <= int(after[1]) < 45
    assert weights(out) == weights(uninterrupted)
    assert not state.exists()


def test_two_processes_train_a_network_as_good_as_one_does(
    folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.pt"
    start = ("torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m", "agent")
    said = finished(command(*start, *long(folder, out)))
    assert len(re.findall(r"step 45 of 45", said)) == 1  # one of them speaks
    assert weights(out) != weights(uninterrupted)  # and both have a part in it
    found = [macro_f1(path, folder) for path in (out, uninterrupted)]
    assert min(found) > 0.9, found


def macro_f1(path: Path, folder: Path) -> float:
    """On validation windows under noise."""
    best: list[float] = []
    saved = checkpoint.load(path)
    noisy, _ = validation.in_noise(validation.together(saved.recipe, folder.parent), saved.recipe)
    watch = EarlyStopping(Stopping(1), noisy, SINGLE, lambda score, _: best.append(score.macro_f1))
    watch.update(saved.network, 1)
    return best[0]


def made(folder: Path, **changes: object) -> Recipe:
    fields = {
        "name": "net",
        "labels": LABELS,
        "normal": ("normal",),
        "rate_hz": RATE_HZ,
        "window": 1024,
        "data": (Source(folder.name),),
    }
    return Recipe(**(fields | changes))  # type: ignore[arg-type]


def test_a_state_of_another_training_is_refused_until_it_is_discarded(
    folder: Path, tmp_path: Path
) -> None:
    own = Origin(made(folder), "data", 1)
    file = StateFile(tmp_path / "net.resume")
    file.save(own, {"step": 3})
    assert file.load(own) == {"step": 3}
    others = {
        "steps: found 1500 in this state's recipe, expected 7": Origin(
            made(folder, steps=7), "data", 1
        ),
        "from other recordings than there are now": replace(own, data="other"),
        "found a state of 1 processes, expected 2": replace(own, processes=2),
    }
    for said, other in others.items():
        with pytest.raises(UserError, match=f"{said}.*--fresh"):
            file.load(other)
    file.path.write_bytes(file.path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"net\.resume: found no state of a training.*--fresh"):
        file.load(own)
    file.discard()
    assert file.load(own) is None


def test_fresh_begins_anew_and_other_recordings_are_noticed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = shutil.copytree(folder, tmp_path / "fan")
    out = tmp_path / "net.pt"
    given = [str(each) for each in ("train", mine, *SMALL, "--steps", 5, "--out", out)]
    StateFile(out.with_suffix(".resume")).save(Origin(made(mine), "data", 1), {})
    assert main(given) == 1
    assert "expected" in capsys.readouterr().err
    assert main([*given, "--fresh"]) == 0
    assert out.is_file()
    samples, _ = soundfile.read(mine / "normal" / "0.wav")
    recordings = [r for r in simulate.default(1, 1.0, 3, RATE_HZ) if r.label in LABELS]
    noisy = validation.labelled(recordings, made(mine))
    one = resume.origin(made(mine), recordings, noisy, SINGLE)
    recordings[0].samples[0, 500] += 1e-3
    assert resume.origin(made(mine), recordings, noisy, SINGLE) != one
    assert len(samples) == 12_000


def test_the_best_weights_are_kept_and_enough_is_enough() -> None:
    noisy = validation.Labelled(
        np.ones((4, 1, 8), np.float32), np.array([0, 0, 1, 1]), np.zeros((4, 5), np.float32)
    )
    watch = EarlyStopping(Stopping(every=2, patience=2), noisy, SINGLE, lambda score, best: None)
    network = Told()
    for step, bias in enumerate((0.0, 1.0, 5.0, 3.0, 9.0, -4.0), start=1):
        network.bias.data.fill_(bias)
        assert not watch.enough
        watch.update(network, step)
    assert watch.enough  # neither step 4 nor step 6 was better than step 2
    assert watch.best is not None
    assert watch.best.step == 2
    again = EarlyStopping(Stopping(every=2, patience=2), noisy, SINGLE, lambda score, best: None)
    again.restore(watch.state())
    again.load_best(network)
    assert float(network.bias.detach()) == 1.0
    assert again.enough


class Told(torch.nn.Module):
    """Says of every window that it is the second label, by as much as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def forward(
        self, x: torch.Tensor, _running: object = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits = torch.stack([torch.zeros(len(x)), self.bias.expand(len(x))], 1)
        return logits, torch.zeros(len(x), 0)


def test_the_recipe_that_follows_can_be_written_changed_and_trained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "fan.yaml", tmp_path / "fan.pt"
    assert main(["train", str(folder), "--rate-hz", str(RATE_HZ), "--out", str(file)]) == 0
    found = recipe.load(file)
    assert (found.rate_hz, found.window, found.steps) == (RATE_HZ, 1024, 400)
    assert found.stopping == Stopping(every=20)
    short = msgspec.structs.replace(found, steps=3, batch=8, preset="small")
    file.write_text(recipe.text(short))
    given = ["--recipe", str(file), "--data", str(folder.parent), "--out", str(out)]
    assert main(["train", *given]) == 0
    assert checkpoint.load(out).recipe == short


def spoiled(folder: Path, mine: Path, how: str) -> None:
    """The folder with one thing wrong."""
    shutil.copytree(folder, mine)
    file = mine / "outer" / "0.wav"
    samples, _ = soundfile.read(file)
    if how == "nan":
        samples[1234] = np.nan
        soundfile.write(file, samples, RATE_HZ, subtype="FLOAT")
    elif how == "stereo":
        soundfile.write(file, np.c_[samples, samples], RATE_HZ)
    elif how == "short":
        soundfile.write(file, samples[:900], RATE_HZ)
    elif how == "broken":
        file.write_bytes(b"RIFF")
    elif how == "alone":
        for other in sorted((mine / "outer").iterdir())[1:]:
            other.unlink()
    elif how == "unhealthy":
        (mine / "normal").rename(mine / "healthy")
    elif how == "flat":
        np.save(mine / "outer" / "4.npy", np.ones((2, 5000)))
    elif how == "one":
        shutil.rmtree(mine / "outer")
        shutil.rmtree(mine / "inner")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("nan", r"outer/0\.wav: found NaN or infinity at frame 1234"),
        ("stereo", r"outer/0\.wav: found 2 channels where .*inner/0\.wav has 1.*--channels 0"),
        ("short", r"outer/0\.wav: found 900 frames at 8000 Hz, expected at least a window of 1024"),
        ("broken", r"outer/0\.wav: not a recording that can be read"),
        ("alone", r"outer: found one recording, expected two"),
        ("unhealthy", r"found labels healthy, .* --normal healthy; with no healthy recording"),
        ("flat", r"outer/4\.npy: found 5000 channels of 2 frames, expected \[frames, channels\]"),
        ("one", r"fan: found only the label normal, expected two or more"),
    ],
)
def test_recordings_that_cannot_be_trained_on_are_one_line(
    folder: Path, tmp_path: Path, how: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "fan"
    spoiled(folder, mine, how)
    given = ("train", mine, *SMALL, "--out", tmp_path / "x.onnx")
    assert main([str(each) for each in given]) != 0
    complaint = capsys.readouterr().err
    assert re.search(expected, complaint), complaint
    assert complaint.count("\n") == 1


def test_without_a_rate_the_file_that_needs_one_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(folder), "--out", str(tmp_path / "x.onnx")]) == 1
    said = r"inner/4\.npy: found no sampling rate in the file, expected --rate-hz\n"
    assert re.search(said, capsys.readouterr().err)


def test_a_gpu_that_is_not_there_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    given = ("train", folder, *SMALL, "--device", "cuda", "--out", tmp_path / "x.pt")
    assert main([str(each) for each in given]) == 1
    assert "found no GPU" in capsys.readouterr().err
