"""A baseline is one file, whole or not at all, and one that does not fit is refused in a line."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.core import state_directory
from agent.core.errors import ConfigError
from agent.diagnosis.baseline import file as record
from agent.diagnosis.baseline.features import features
from agent.diagnosis.baseline.monitor import Monitor
from tests.diagnosis.test_baseline import FRAME, baseline
from tests.support.paths import PROJECT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for another user")
def test_what_root_learns_and_locks_belongs_to_the_agents_user() -> None:
    with tempfile.TemporaryDirectory() as name:  # the folders of pytest are root's alone
        folder = Path(name)
        os.chown(folder, 65534, 65534)
        os.close(state_directory.claim(folder))
        record.save(baseline(), folder)
        made = {file.name: file.stat().st_uid for file in folder.iterdir()}
    assert made == {"lock": 65534, "baseline-bearing-de.json": 65534}


def test_a_baseline_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = baseline()
    assert record.load(tmp_path, "bearing-de", FRAME) is None
    assert record.load(tmp_path / "none", "bearing-de", FRAME) is None
    record.save(saved, tmp_path)
    assert record.load(tmp_path, "bearing-de", FRAME) == saved


OTHER = {"rate_hz": 500.0, "window": 100, "channels": (1,), "scale": 2.0, "hop_s": 0.2}


@pytest.mark.parametrize("key", [*OTHER, "patience"])
def test_a_baseline_that_does_not_fit_is_one_line_that_names_why(tmp_path: Path, key: str) -> None:
    record.save(baseline(), tmp_path)
    frame = msgspec.structs.replace(FRAME, **{key: (OTHER | {"patience": 9})[key]})
    with pytest.raises(ConfigError) as error:
        record.load(tmp_path, "bearing-de", frame)
    file = tmp_path / "baseline-bearing-de.json"
    assert str(error.value).startswith(f"{file}: {key}: found {getattr(FRAME, key)}, expected ")
    assert "commission the source again" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not a baseline"),
        ('{"schema": "drsn-baseline/9"}', "found schema 'drsn-baseline/9', expected"),
        ('{"schema": "drsn-baseline/1"}', "commission the source again"),
        ('{"schema": "drsn-baseline/2"}', "not a baseline"),
        ("[]", "not a baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "baseline-bearing-de.json").write_text(text)
    with pytest.raises(record.LostError, match=expected) as error:
        record.load(tmp_path, "bearing-de", FRAME)
    assert "\n" not in str(error.value)


def test_a_kill_while_saving_leaves_the_old_baseline_or_the_new_one(tmp_path: Path) -> None:
    record.save(baseline(), tmp_path)
    script = (
        "import msgspec, sys; from pathlib import Path\n"
        "from agent.diagnosis.baseline import file as record\n"
        "folder = Path(sys.argv[1])\n"
        "old = msgspec.json.decode(record.path(folder, 'bearing-de').read_bytes(), "
        "type=record.Baseline)\n"
        "print('ready', flush=True)\n"
        "for n in range(10**9):\n"
        "    record.save(msgspec.structs.replace(old, false_alarms_per_month=n), folder)\n"
    )
    for wait_s in (0.0, 0.013, 0.031, 0.057):
        saver = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert saver.stdout is not None
        saver.stdout.readline()
        time.sleep(wait_s)  # to be somewhere else in the middle each time
        saver.kill()
        saver.wait()
        assert record.load(tmp_path, "bearing-de", FRAME) is not None


def test_a_baseline_of_0_1_says_of_every_window_what_it_said(tmp_path: Path) -> None:
    """Distances over the threshold, as `agent.baseline.monitor` of 0.1 computed them."""
    left = PROJECT / "tests/service/v0_1/baseline-bearing-de.json"
    (tmp_path / left.name).write_bytes(left.read_bytes())
    loaded = record.load(tmp_path, "bearing-de", msgspec.structs.replace(FRAME, patience=3))
    assert loaded is not None
    old = json.loads(left.read_bytes())
    centre, spread = (np.asarray(old["states"][0][key]) for key in ("centre", "spread"))
    monitor = Monitor(loaded)
    for seed in range(5):
        samples = np.random.default_rng(seed).standard_normal((1, 200)).astype(np.float32)
        deviation = np.sort(np.abs((features(samples) - centre) / spread))[-3:].mean()
        anomaly = monitor.compare(samples).anomaly
        assert anomaly == pytest.approx(deviation / old["threshold"])
    assert not loaded.provisional


def test_a_baseline_of_0_1_that_would_hear_nothing_hears_something_again(tmp_path: Path) -> None:
    file = PROJECT / "tests/service/v0_1/baseline-bearing-de.json"
    old = msgspec.json.decode(file.read_bytes()) | {"threshold": 110.0, "source": "deaf"}
    (tmp_path / "baseline-deaf.json").write_bytes(msgspec.json.encode(old))
    frame = msgspec.convert(old["frame"], record.Frame)
    read = record.load(tmp_path, "deaf", frame)
    assert read is not None
    assert read.points[0].threshold == 12.6
