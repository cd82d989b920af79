"""What a newcomer types wrongly is answered in the words of the command line, in one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.cli.main import main
from tests.support import tiny


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).standard_normal((3000, 2)) * 0.1
    soundfile.write("two.wav", noise, 1000)
    soundfile.write("one.wav", noise[:, 0], 1000)
    tiny.write(tmp_path / "tiny.onnx")
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").touch()
    return tmp_path


REPLAY = ("replay", "--model", "./tiny.onnx")
SCORE = ("score", "--model", "./tiny.onnx", "--out", "out")
SYNTH = ("--label", "x", "--source", "synth", "--seconds", "1")
REFUSED = [
    ((*REPLAY, "two.wav"), 78, "drsn-agent: --channels: found 2 in the source"),
    ((*REPLAY, "two.wav"), 78, "choose, e.g. --channels 0\n"),
    ((*SCORE, "empty"), 1, "empty: found no recording in the folder, expected one of .aif, "),
    ((*SCORE, "nothing"), 1, "nothing: found no such recording"),
    (("record", "/proc/nope", *SYNTH), 1, "/proc/nope: cannot be written: No such file"),
    (("record", "taken", *SYNTH), 1, "taken: cannot be written: File exists"),
    (("record", "/proc", *SYNTH), 1, "/proc: cannot be written"),
    (("demo", "--model", "bearing"), 1, "--model: found neither --page nor --mic"),
    (("demo", "--rival", "bearing"), 1, "--rival: found neither --page nor --mic"),
    (("demo", "--background", "one.wav"), 1, "--background: found neither"),
    (("demo", "--token", "x"), 1, "--token: found neither --page nor --mic"),
    (("demo", "--address", "::"), 1, "--address: found neither --page nor --mic"),
    (("demo", "--page", "--seconds", "3"), 1, "--seconds: found it beside a page"),
    (("evaluate", "bearing", "--data", "empty", "--out", "b.txt"), 1, "expected a name that ends"),
    (("check", "--config", "none.yaml"), 75, "`drsn-agent init` writes a first config.yaml"),
]


@pytest.mark.parametrize(("words", "code", "expected"), REFUSED)
def test_a_slip_is_one_line_that_says_what_to_type(
    words: tuple[str, ...], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    (line,) = (line for line in capsys.readouterr().err.splitlines(True) if "drsn-agent: " in line)
    assert expected in line


def test_a_rate_that_is_not_the_files_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main((*REPLAY, "one.wav", "--rate-hz", "2000")) == 0
    told = "one.wav: the file says 1000 Hz; rate_hz: 2000 is taken instead"
    assert told in capsys.readouterr().err
    assert main((*REPLAY, "one.wav", "--rate-hz", "1000")) == 0
    assert "instead" not in capsys.readouterr().err


def test_a_model_of_more_channels_is_not_advised_to_choose_among_too_few(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write(folder / "three.onnx", tiny.contract(channels=3))
    assert main(("replay", "--model", "./three.onnx", "one.wav")) == 78
    error = capsys.readouterr().err
    assert "name a model of 1 channel(s), or write --model none" in error


@pytest.mark.parametrize("verb", ["check", "run", "doctor"])
def test_a_configuration_that_stands_alone_is_told_its_option(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main((verb, "mine.yaml"))
    assert ended.value.code == 2
    assert "unrecognized arguments: mine.yaml (write --config mine.yaml)" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["train", "evaluate", "quantize", "export"])
def test_help_says_what_a_verb_is_for(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main((verb, "--help"))
    assert "Defines the arguments" not in capsys.readouterr().out


def test_only_a_terminals_log_has_times() -> None:
    command = [sys.executable, "-m", "agent", *REPLAY, "one.wav", "--rate-hz", "2000"]
    master, slave = os.openpty()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=slave, check=True)
    line = os.read(master, 4096).decode()
    os.close(master)
    os.close(slave)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING drsn: one\.wav", line)
    piped = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert piped.startswith("WARNING drsn: one.wav")
