"""`python -m models` ends with the agent's exit codes, in one line and without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "no such folder": (("train", "gone", "--out", "m.onnx"), 75),
    "a file as a folder": (("train", "a.txt", "--out", "m.onnx"), 75),
    "no such checkpoint": (("export", "gone.pt", "--out", "m.onnx"), 75),
    "no checkpoint": (("export", "a.txt", "--out", "m.onnx"), 1),
    "no such model": (("evaluate", "gone.onnx", "--data", ".", "--out", "out.html"), 75),
    "no model": (("evaluate", "a.onnx", "--data", ".", "--out", "out.html"), 1),
    "unknown name": (("evaluate", "nobody", "--data", ".", "--out", "out.html"), 78),
    "no such verb": (("dream",), 2),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_one_line_and_a_code_of_its_kind(case: str, tmp_path: Path) -> None:
    for name in ("a.txt", "a.onnx"):
        (tmp_path / name).write_text("nothing of that kind")
    words, code = CASES[case]
    line = [sys.executable, "-m", "models", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    if code != 2:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: ")
