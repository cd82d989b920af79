"""Recordings of other programs: equal samples, rate and unit; a broken one is a clear line."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from agent.cli import main
from agent.config import load
from agent.core.errors import DamagedError, DataError, UserError
from agent.jobs.archive import paths
from agent.pipeline import build
from agent.sources.formats import isolated, signals, table
from agent.sources.formats.recording import Recording
from agent.sources.formats.signals import Signal
from agent.sources.formats.table import FileFormat
from agent.sources.recordings import open_recording
from agent.web import recording_scoring
from models.data import recordings as of_training
from models.data.listing import Entry
from models.data.recipe import Source
from tests.support import written
from tests.support.paths import PROJECT

RATE_HZ = 12_800.0
SIGNAL = np.random.default_rng(0).normal(0, 1, (9000, 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each format; beside it, one that was cut."""
    folder = tmp_path_factory.mktemp("written")
    for name, (write, _) in written.FILES.items():
        write(folder / name, SIGNAL, RATE_HZ)
        data = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(data[: len(data) * 6 // 10])
    return folder


def whole(recording: Recording, block: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    parts = [recording.read(block)]
    while len(parts[-1]):
        parts.append(recording.read(block))
    recording.close()
    return np.concatenate(parts)


@pytest.mark.parametrize("name", written.FILES)
def test_a_recording_is_read_in_equal_samples_with_its_rate_and_unit(
    name: str, folder: Path
) -> None:
    recording = open_recording(folder / name)
    digits = 1e-6 if name == "ascii.uff" else 0.0  # text of twelve digits
    samples = whole(recording, 777)
    assert np.abs(samples - SIGNAL.astype(np.float32)).max() <= digits
    assert (recording.rate_hz, recording.frames, recording.full_scale) == (RATE_HZ, 9000, None)
    assert set(recording.units) <= {written.FILES[name][1]}
    assert len(recording.read(10)) == 0  # it is closed


def test_training_reads_the_same_samples(folder: Path) -> None:
    for name in ("a.tdms", "v5.mat"):
        entry = Entry(folder / name, "normal", "train", 0.0, ())
        read = of_training.read(entry, Source("", channels=(0, 1)), RATE_HZ)
        assert np.array_equal(read, SIGNAL.T.astype(np.float32))


def test_an_archive_is_scored_as_the_same_numbers_in_npy_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", SIGNAL.astype(np.float32))
    options = ("--rate-hz", str(RATE_HZ), "--channels", "0", "--model", "bearing", "--unit", "g")
    files = ("a.npy", str(folder / "a.tdms"))
    assert main.main(["score", *files, *options, "--out", "out", "--workers", "1"]) == 0
    tables = [pq.read_table(file) for file in sorted(Path("out/windows").iterdir())]
    columns = [name for name in tables[0].column_names if name not in ("recording", "epoch")]
    first, second = (table.select(columns).to_pylist() for table in tables)
    assert first == second
    assert len(first) >= 3


def test_a_folder_of_an_archive_has_every_format_but_parquet(folder: Path) -> None:
    found = {Path(file.recording).name for file in paths.find(str(folder))}
    assert found == {path.name for path in folder.iterdir() if path.suffix != ".parquet"}


def test_a_recording_that_is_dropped_on_the_page_is_read_by_its_format(folder: Path) -> None:
    """By the suffix of its name, in a process apart."""
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    (pipeline,) = build.build_pipelines(load.parse({"sources": [source]}), commissioned=False)
    timeline = recording_scoring.score(folder / "a.tdms", "my.tdms", pipeline)
    assert (timeline.duration_s, timeline.channels) == (len(SIGNAL) / RATE_HZ, 2)
    with pytest.raises(UserError, match=r"^my\.h5: not readable: "):
        recording_scoring.score(folder / "cut-a.h5", "my.h5", pipeline)


@pytest.mark.parametrize("name", ["a.h5", "v73.mat", "v5.mat", "a.parquet"])
def test_a_cut_recording_is_refused_in_one_line(name: str, folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_recording(folder / f"cut-{name}")
    assert str(caught.value).startswith(f"{folder}/cut-{name}: not ")
    assert "\n" not in str(caught.value)


def test_a_cut_recording_is_exit_code_65(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["replay", str(folder / "cut-a.h5"), "--model", "none"]) == 65
    (line,) = capsys.readouterr().err.splitlines()
    assert "cut-a.h5: not readable: " in line


@pytest.mark.parametrize("name", ["ascii.uff", "binary.unv", "a.tdms"])
def test_what_is_whole_in_a_cut_recording_is_read_with_a_warning(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        recording = open_recording(folder / f"cut-{name}")
    (warning,) = caplog.messages
    assert f"cut-{name}: its last se" in warning
    assert "the file was cut" in warning
    samples = whole(recording, 1000)
    expected = SIGNAL[: len(samples), : samples.shape[1]].astype(np.float32)
    assert samples == pytest.approx(expected, abs=1e-6)
    assert samples.size > 0.4 * SIGNAL.size


@pytest.mark.parametrize("item", table.FORMATS, ids=lambda item: item.name)
def test_a_missing_library_is_named_with_what_to_install(
    item: FileFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{item.suffixes[0]}"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(table, "find_spec", lambda package: None)
    with pytest.raises(UserError) as caught:
        open_recording(path)
    assert f"{item.name} needs {item.project}: pip install 'drsn-agent[formats]'" in str(
        caught.value
    )


UNRULY = FileFormat("Unruly", "tests.sources.unruly_readers", "numpy", "numpy", (".x",))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(PROJECT))
    monkeypatch.setattr(isolated, "PATIENCE_S", 30.0)
    path = tmp_path / "a.x"
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("crashes", "not a readable Unruly file: its reader ended (signal 11)"),
        ("hangs", "not a readable Unruly file: its reader does not come to an end"),
        ("eats memory", "not readable: it needs more memory than 2 GiB"),
        ("raises", "not readable: what no one expects in two lines"),
    ],
)
def test_whatever_a_library_does_is_one_line(
    variable: str, expected: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable == "hangs":
        monkeypatch.setattr(isolated, "PATIENCE_S", 1.0)
    with pytest.raises(DataError, match=r"a\.x: ") as caught:
        isolated.open_recording(file, UNRULY, variable)
    assert expected in str(caught.value)


def test_what_breaks_later_is_damage_after_what_was_read(file: Path) -> None:
    recording = isolated.open_recording(file, UNRULY, "crashes later")
    assert recording.read(4096).shape == (4096, 2)
    with pytest.raises(DamagedError, match=r"a\.x: damaged: its reader ended \(signal 6\)"):
        recording.read(10)


def test_what_a_library_prints_is_no_sample(file: Path) -> None:
    recording = isolated.open_recording(file, UNRULY, "prints")
    assert whole(recording, 3000).shape == (10_000, 2)


def test_the_reader_ends_with_its_recording(file: Path) -> None:
    before = children()  # of other tests, e.g. what looks after shared memory
    recording = isolated.open_recording(file, UNRULY, "")
    (reader,) = children() - before
    recording.close()
    deadline_s = time.monotonic() + 10
    while reader in children() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert reader not in children()


def children() -> set[str]:
    """The processes that this one has started, by their numbers."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_the_unit_of_a_file_is_the_sources_where_no_key_says_anything(folder: Path) -> None:
    def unit(**keys: object) -> str | None:
        source = {"name": "a", "kind": "file", "path": str(folder / "a.tdms"), "model": "none"}
        return load.parse({"sources": [source | keys]}).sources[0].common.unit

    assert unit() == "g"
    assert unit(channels=[1], machine_class="group1-rigid") == "g"
    assert unit(unit="m/s2") == "m/s2"
    assert unit(scale=2.0) is None


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("m/s^2", "m/s2"),
        (" [M/S²] ", "m/s2"),
        (b"g", "g"),
        ("G", "g"),
        ("gn", "g"),
        ("Pa", "Pa"),
        ("mm/s", "mm/s"),
        ("", None),
        ("NONE", None),
        ("x" * 50, None),
        ("a\nb", None),
    ],
)
def test_units_are_written_in_one_way(text: str | bytes, unit: str | None) -> None:
    assert signals.unit_of(text) == unit


LONG, OTHER = Signal("vib/x", 5000, 1e4), Signal("vib/y", 5000, 1e4)


def test_signals_of_one_length_and_rate_are_the_channels() -> None:
    path = Path("a.tdms")
    assert signals.choose(path, [LONG, Signal("speed", 1), OTHER], "") == [0, 2]
    assert signals.choose(path, [LONG, OTHER], "*/y") == [1]


@pytest.mark.parametrize(
    ("found", "variable", "expected"),
    [
        ([LONG, Signal("slow", 500, 1e3)], "", "different length or rate among vib/x [5000], slow"),
        ([LONG, Signal("z", 5000, 1e3)], "", "different length or rate among vib/x"),
        ([LONG], "temp*", "no signal among vib/x [5000], expected one that matches 'temp*'"),
        ([Signal("n", 3)], "", "no signal among n [3], expected one of 64 numbers or more"),
        ([], "", "no signal, expected"),
        ([Signal(str(n), 99) for n in range(256)], "", "256 signals, expected at most 255"),
    ],
)
def test_what_cannot_be_one_recording_is_one_line_with_the_names(
    found: list[Signal], variable: str, expected: str
) -> None:
    with pytest.raises(DataError, match=r"^a\.tdms: ") as caught:
        signals.choose(Path("a.tdms"), found, variable)
    assert expected in str(caught.value)


def test_variable_chooses_a_signal_from_the_command_line(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = str(folder / "a.tdms")
    assert main.main(["replay", "--table", file, "--variable", "Vib/ai1"]) == 0
    assert "RMS g" in capfd.readouterr().out
    assert main.main(["replay", "--table", file]) == 78
    assert "--channels: found 2 in the source" in capfd.readouterr().err


def test_the_process_that_reads_one_imports_no_library(folder: Path) -> None:
    code = (
        "import sys; from agent.cli import main; main.main(sys.argv[1:]); "
        "libraries = {'nptdms', 'h5py', 'pyuff', 'pyarrow', 'scipy'}; "
        "print(sorted(libraries & sys.modules.keys()))"
    )
    command = ("replay", "--table", str(folder / "a.tdms"), "--channels", "0")
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert "a.tdms: " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
