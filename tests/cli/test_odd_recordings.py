"""A recording without an answer is one line on standard error and exit code 65, in each verb."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from agent.cli.main import main
from tests.cli.test_main import command
from tests.sources.test_recordings import declare
from tests.support import tiny

NOISE = np.random.default_rng(3).integers(-9000, 9000, (1000, 1), np.int16)


def wav(path: Path, frames: int = 1000) -> None:
    soundfile.write(path, NOISE[:frames], 1000)


Make = Callable[[Path], object]
REFUSED: dict[str, tuple[Make, str]] = {
    "short.wav": (lambda path: wav(path, 100), "too short: found 100 frames, 0.1 s, expected"),
    "short.flac": (lambda path: wav(path, 199), "too short: found 199 frames"),
    "short.npy": (lambda path: np.save(path, NOISE[:50]), "too short: found 50 frames"),
    "short.csv": (lambda path: path.write_text("1\n2\n"), "too short: found 2 frames"),
    "empty.wav": (lambda path: wav(path, 0), "found no samples"),
    "rows.npy": (lambda path: np.save(path, NOISE[:0]), "found no samples"),
    "bytes.npy": (lambda path: path.write_bytes(b""), "not an NPY array that can be read"),
    "bytes.wav": (lambda path: path.write_bytes(b""), "not a recording that can be read"),
    "bytes.csv": (lambda path: path.write_bytes(b""), "found no rows"),
    "turned.npy": (lambda path: np.save(path, NOISE.T), "expected [frames, channels]"),
    "samples.raw": (lambda path: path.write_bytes(NOISE.tobytes()), "without a header"),
}
OPTIONS = ("--model", "./tiny.onnx", "--channels", "0")


def arguments(verb: str, name: str) -> tuple[str, ...]:
    rate = ("--rate-hz", "1000")
    return (verb, name, *OPTIONS, *rate, *(("--out", "out") if verb == "score" else ()))


@pytest.mark.parametrize(
    ("verb", "name"),
    [*(("replay", name) for name in REFUSED), *(("score", name) for name in list(REFUSED)[::3])],
)
def test_a_recording_without_a_window_is_one_line_and_exit_code_65(
    verb: str, name: str, tmp_path: Path
) -> None:
    make, expected = REFUSED[name]
    tiny.write(tmp_path / "tiny.onnx")
    make(tmp_path / name)
    done = command(*arguments(verb, name), cwd=tmp_path)
    assert done.returncode == 65, done.stderr
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if name in line or expected in line]
    assert expected in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["replay", "score"])
def test_a_killed_recorders_file_is_scored_with_one_warning(verb: str, tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny.onnx")
    wav(tmp_path / "killed.wav")
    declare(tmp_path / "killed.wav", 0)
    done = command(*arguments(verb, "killed.wav"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the header says 0 bytes of samples, and 2000 are there") == 1
    if verb == "replay":
        assert len(list(map(json.loads, done.stdout.splitlines()))) >= 9


def test_a_file_whose_name_is_not_utf_8_is_replayed_and_refused_by_score(tmp_path: Path) -> None:
    """The name would be a text in Parquet, which holds UTF-8 alone."""
    tiny.write(tmp_path / "tiny.onnx")
    name = os.fsdecode(b"b\xe9ton.wav")
    wav(tmp_path / "plain.wav")
    (tmp_path / "plain.wav").rename(tmp_path / name)
    replayed = command(*arguments("replay", name), cwd=tmp_path)
    assert (replayed.returncode, replayed.stderr) == (0, "")
    scored = command(*arguments("score", name), cwd=tmp_path)
    assert scored.returncode == 65
    assert "found a name that is not UTF-8" in scored.stderr


def table(name: str, head: str, first: npt.ArrayLike) -> Make:
    """A CSV or NPY file whose first column is not the signal."""

    def make(folder: Path) -> None:
        columns = np.column_stack([np.full(1000, first), NOISE / 9000.0])
        if name.endswith(".npy"):
            np.save(folder / name, columns)
        else:
            np.savetxt(folder / name, columns, "%.9g", ",", header=head, comments="")

    return make


COUNT = np.arange(1000.0)
COLUMNS: dict[str, tuple[Make, str]] = {
    "sample.csv": (table("sample.csv", "Sample,Acc", COUNT), " (0 Sample counts, 1 Acc)"),
    "stamps.csv": (table("stamps.csv", "stamp,Acc", 1.7e9), " (0 stamp stands still, 1 Acc)"),
    "ms.csv": (table("ms.csv", "stamp_ms,Acc", COUNT // 2), " (0 stamp_ms counts, 1 Acc)"),
    "bare.csv": (table("bare.csv", "", COUNT), " (0 counts, 1)"),
    "numbers.npy": (table("numbers.npy", "", COUNT / 1000), " (0 counts, 1)"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_named_and_the_advice_is_none_that_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.write(tmp_path / "tiny.onnx")
    make, columns = COLUMNS[name]
    make(tmp_path)
    replay = ("replay", name, "--model", "./tiny.onnx", "--rate-hz", "1000")
    assert main(replay) == 78
    error = capsys.readouterr().err
    assert f"--channels: found 2 in the source{columns}" in error
    assert error.endswith("choose, e.g. --channels 1\n")
    assert main((*replay, "--channels", "1")) == 0
    capsys.readouterr()
    if "counts" in columns:
        assert main((*replay, "--channels", "0")) == 78
        assert "which counts frames or time and is no signal" in capsys.readouterr().err
