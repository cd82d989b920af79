"""Every documented `python -m models...` exists, reads its arguments and runs in seconds."""

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import datasets
from tests.support.paths import PROJECT

pytest.importorskip("torch")
pytest.importorskip("sklearn")

pytestmark = pytest.mark.timeout(600)  # each trains networks in a process of its own

HISTORIC = {"models.trials"}  # in NETWORKS.md, to be run at an earlier commit
INLINE = re.compile(r"`python -m (models[\w.]*)([^`#]*)`")  # may be wrapped
BLOCK = re.compile(r"^[ \t]+[^`\n]*?python -m (models[\w.]*)([^`#\n]*)$", re.MULTILINE)


def documented() -> Iterator[str]:
    """The command lines of documents, cards, Makefile and modules, one more for each option."""
    top = [path for path in PROJECT.glob("*.md") if path.name != "CHANGELOG.md"]  # names the past
    documents = [*top, *PROJECT.glob("docs/*.md"), *PROJECT.glob("models/**/*.md")]
    texts = [path.read_text() for path in documents]
    modules = [path.read_text() for path in PROJECT.glob("models/**/*.py")]
    texts += [text.split('"""')[1] for text in modules if text.startswith('"""')]
    make = (PROJECT / "Makefile").read_text()
    texts.append(make.replace("$(DATA)", "DATA").replace("$(ARGS)", ""))
    for text in texts:
        joined = text.replace("\\\n", " ")
        for name, arguments in (*INLINE.findall(joined), *BLOCK.findall(joined)):
            yield from _with_options(" ".join([name, *arguments.split()]))


def _with_options(line: str) -> Iterator[str]:
    """The line without its options in brackets, then with each of them."""
    plain = " ".join(re.sub(r"\[.*?\]", "", line).split())
    yield plain
    for options in re.findall(r"\[(.*?)\]", line):
        yield from (f"{plain} {option.strip()}" for option in options.split("|"))


COMMANDS = sorted({line for line in documented() if line.split()[0] not in HISTORIC})


def test_all_entries_are_documented() -> None:
    entries = {line.split()[0] for line in COMMANDS}
    experiments = {"anomalies", "digits", "femto", "lines", "paper", "reproduce", "trials"}
    assert entries >= {f"models.experiments.{name}" for name in experiments}
    assert entries >= {"models", "models.speech.release"}
    assert "models forms" in {" ".join(line.split()[:2]) for line in COMMANDS}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_documented_line_is_understood(line: str) -> None:
    name, *arguments = shlex.split(line)
    if arguments == ["VERB"]:
        return
    if not any(argument.startswith("--") for argument in arguments):  # a command that is only named
        with pytest.raises(SystemExit) as left:
            parser(name).parse_args([*arguments, "--help"])
        assert left.value.code == 0
        return
    assert callable(parser(name).parse_args(arguments).run)


def parser(name: str) -> argparse.ArgumentParser:
    if name == "models":
        name = "models.cli.main"
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    made: argparse.ArgumentParser = module.parser()
    return made


def run(folder: Path, *arguments: object) -> str:
    """What that entry prints, as a process of its own in `folder`."""
    command = [sys.executable, "-m", *map(str, arguments)]
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lines_and_anomalies_measure_recordings(tmp_path: Path) -> None:
    data = datasets.bearings(tmp_path / "data")
    small = ("--machines", 1, "--trials", 2)
    lines = run(tmp_path, "models.experiments.lines", "--data", data, *small)
    assert "| cwru | outer | as recorded | 3 | 3 | 3 | 0 |" in lines
    assert re.search(r"alone, 2 trials: at least \d+(\.\d)? and 10 dB in bpfo \d and \d", lines)
    anomalies = run(tmp_path, "models.experiments.anomalies", "--data", data)
    assert "| cwru | as recorded | 1.000 |" in anomalies
    assert "| mfs 1797 | same RMS, noise always |" in anomalies


def test_femto_sees_the_end_of_a_life(tmp_path: Path) -> None:
    data = datasets.femto(tmp_path / "data")
    printed = run(tmp_path, "models.experiments.femto", "--data", data)
    assert re.search(r"\| Bearing1_1 \| train \| 4 \| 9\d\.\d% \|", printed)
    assert "| distance 4.2 | train and val | 0 of 1 | 1 of 1 | 0 of 1 |" in printed
    assert "| RMS, 3 sigma | train and val |" in printed


@pytest.mark.timeout(300)
def test_digits_are_trained_tabled_and_reported(tmp_path: Path) -> None:
    size = ("--steps", 2, "--seeds", 0, "--families", "drsn-cw", "resnet")
    run(tmp_path, "models.experiments.digits", "run", *size)
    assert "| resnet | 1 |" in run(tmp_path, "models.experiments.digits", "table")
    run(tmp_path, "models.experiments.digits", "report")
    assert (tmp_path / "runs" / "images.html").read_text().startswith("<!doctype html>")


@pytest.mark.timeout(300)
def test_paper_and_trials_are_reproduced_on_a_small_scale(tmp_path: Path) -> None:
    data = datasets.bearings(tmp_path / "data")
    run(tmp_path, "models.experiments.reproduce", "--data", data, "--smoke")
    smoke = tmp_path / "runs" / "smoke"
    assert "| drsn-cw minus resnet |" in (smoke / "PAPER.md").read_text()
    assert "| drsn-twin INT8 | 1 |" in (smoke / "TRIALS.md").read_text()
    assert not (tmp_path / "docs").exists()


@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the package espeak-ng")
def test_the_network_of_spoken_digits_is_released_with_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    from models import command
    from models.data import recipe
    from models.speech import corpus, release

    monkeypatch.setattr(corpus, "VOICES_A_DIGIT", 1)
    monkeypatch.setattr(corpus, "VOICES_A_WORD", 1)
    monkeypatch.setattr(release, "SENTENCES_DB", (20.0,))
    small = msgspec.structs.replace(recipe.load(release.RECIPE), preset="small", controls=())
    (tmp_path / "small.yaml").write_text(recipe.text(msgspec.structs.replace(small, batch=24)))
    places = {"recipe": tmp_path / "small.yaml", "work": tmp_path / "work"}
    places |= {"data": datasets.speech(tmp_path / "data"), "out": tmp_path / "net.onnx"}
    options = [part for name, path in places.items() for part in (f"--{name}", str(path))]
    monkeypatch.setattr(sys, "argv", ["release", *options, "--seeds", "0", "--steps", "2"])
    assert command.main(release.parser()) == 0
    card = (tmp_path / "net.md").read_text()
    assert f"{(tmp_path / 'net.onnx').stat().st_size:,} bytes" in card
    assert "| 20 dB | 120 |" in card
    assert len(list((tmp_path / "variants").iterdir())) == 3
