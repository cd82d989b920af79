"""What a newcomer types wrongly is answered in the words of the command line, in one line."""

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
