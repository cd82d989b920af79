"""A sample of `make fuzz-recordings`: damaged files are read or refused in one line."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from agent.core.errors import DataError
from agent.sources.formats import matlab_tags
from tests.fuzz_recordings.mutants import BY_LIBRARY, FORMATS, valid

BY_AGENT = tuple(name for name in FORMATS if name not in BY_LIBRARY)
CASES = 150  # of a format
SAMPLE = """
import dataclasses, json, sys
from tests.fuzz_recordings.run import run
print(json.dumps([dataclasses.asdict(run(name, {cases}, {seed})) for name in sys.argv[1:]]))
"""


@pytest.mark.parametrize("formats", [BY_AGENT, BY_LIBRARY], ids=["agent", "libraries"])
def test_no_mutant_escapes_hangs_or_takes_much_memory(formats: tuple[str, ...]) -> None:
    seed = secrets.randbelow(2**32)
    code = SAMPLE.format(cases=CASES, seed=seed)
    command = [sys.executable, "-c", code, *formats]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (seed, done.stderr)
    runs = json.loads(done.stdout)
    assert [run["escaped"] for run in runs] == [{}] * len(formats), seed
    assert [run["hangs"] for run in runs] == [0] * len(formats), seed
    assert runs[-1]["rss_mib"] < 300, seed
    assert sum(run["read"] for run in runs) >= 0.2 * CASES * len(formats), seed


def test_what_matlab_writes_passes_the_check_before_scipy(tmp_path: Path) -> None:
    path = tmp_path / "all.mat"
    cells = np.array([np.zeros(3), "text"], dtype=object)
    record = {"x": np.array([[1, 2]]), "y": "text", "empty": np.zeros((0, 0)), "in": {"z": 1.0}}
    variables = {"signal": np.zeros((100, 2)), "record": record, "cells": cells, "name": "text"}
    for compressed in (False, True):
        scipy.io.savemat(path, variables, do_compression=compressed)
        matlab_tags.check(path)


@pytest.mark.parametrize("at", [128, 132, 136, 144])
def test_a_wrong_tag_is_refused_before_scipy_reads_it(tmp_path: Path, at: int) -> None:
    path = tmp_path / "wrong.mat"
    data = bytearray(valid()["mat"][0])
    data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match="not a readable MATLAB file"):
        matlab_tags.check(path)
