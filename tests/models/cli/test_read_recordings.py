"""Recordings of every kind are the same signal; one that cannot be used is named in one line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.core.errors import DataError, UserError
from agent.sources.recordings import open_recording
from models.data import leakage, listing, recordings
from models.data.listing import Entry
from models.data.recipe import Source

RATE_HZ = 8000
CODES = np.random.default_rng(0).integers(-20_000, 20_000, (3000, 2)).astype(np.int16)


def written(path: Path) -> Path:
    """The same two channels of 16-bit codes, in the file's own way."""
    if path.suffix == ".mat":
        pytest.importorskip("scipy.io").savemat(path, {"rig": {"gs": CODES, "sr": RATE_HZ}})
    elif path.suffix == ".npy":
        np.save(path, CODES)
    elif path.suffix == ".csv":
        rows = np.c_[np.arange(len(CODES)) / RATE_HZ, CODES / 2.0**15]
        np.savetxt(path, rows, "%.15f", ",", header="time_s,x,y", comments="")
    else:
        soundfile.write(path, CODES, RATE_HZ, subtype="PCM_16")
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".csv", ".npy", ".mat"])
def test_every_kind_of_file_is_the_same_signal_at_the_same_rate(
    suffix: str, tmp_path: Path
) -> None:
    entry = Entry(written(tmp_path / f"x{suffix}"), "normal", "train", 0.0, ())
    samples, rate_hz = recordings.stored(entry)
    assert np.array_equal(samples, CODES / np.float32(2**15))
    assert rate_hz == (None if suffix == ".npy" else RATE_HZ)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".mat"])
def test_a_leak_is_found_across_kinds_of_files(suffix: str, tmp_path: Path) -> None:
    sides = [
        [Entry(written(tmp_path / name), "normal", side, 0.0, ())]
        for name, side in (("a.wav", "train"), (f"b{suffix}", "val"))
    ]
    with pytest.raises(UserError, match="found a piece of it in"):
        leakage.check(*sides)


@pytest.mark.parametrize(
    ("head", "step", "rate_hz", "channels"),
    [
        ("t,x", 1 / 25_600, 25_600.0, 1),
        ("Time [ms];x;y", 0.1, 10_000.0, 2),
        ('"Time (us)"\tx', 100.0, 10_000.0, 1),
        ("time_of_day,x", 1 / 100, None, 2),
        ("x,time", 1.0, None, 2),
    ],
)
def test_a_first_column_named_time_gives_the_rate_and_is_no_channel(
    head: str, step: float, rate_hz: float | None, channels: int, tmp_path: Path
) -> None:
    separator = next(each for each in ";\t," if each in head)
    columns = head.count(separator) + 1
    rows = np.c_[100 + step * np.arange(500), np.ones((500, columns - 1))]
    path = tmp_path / "x.csv"
    np.savetxt(path, rows, "%.6f", separator, header=head, comments="", encoding="utf-8-sig")
    opened = open_recording(path)
    assert opened.rate_hz == rate_hz
    assert opened.read(9).shape == (9, channels)


def test_in_a_matlab_file_with_several_signals_one_is_chosen_by_its_name(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    path = tmp_path / "97.mat"
    drive, fan = np.full((1, 100), 1.0), np.full((1, 100), 2.0)
    savemat(path, {"X097_DE_time": drive, "X097_FE_time": fan, "X097RPM": 1796})
    samples, rate_hz = recordings.stored(Entry(path, "a", "train", 0.0, (), variable="*_FE_time"))
    assert samples.shape == (100, 1)
    assert np.all(samples == 2.0)
    assert rate_hz is None
    for variable, said in (
        ("", r"found X097_DE_time, X097_FE_time, expected one \(--variable"),
        ("*BA*", r"expected one that matches '\*BA\*'"),
    ):
        with pytest.raises(UserError, match=said):
            recordings.stored(Entry(path, "a", "train", 0.0, (), variable=variable))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("odd.wav", b"odd", "not a recording that can be read"),
        ("odd.npy", b"odd", "not an NPY array that can be read"),
        ("odd.csv", b"1,2\n3,x\n", "not a table of numbers"),
        ("odd.csv", b"t,x\n0,1\n1,1\n2,1\n3,1\n4,1\n30,1\n", "found steps that differ"),
        ("odd.csv", b"t,x\n1,1\n1,1\n", "found no time that grows"),
        ("odd.csv", b"", "found no rows"),
        ("odd.mat", b"odd", "not a readable MATLAB file"),
        ("odd.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(600), "MATLAB 7.3"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    entry = Entry(tmp_path / name, "normal", "train", 0.0, ())
    with pytest.raises(UserError, match=expected) as refused:
        recordings.stored(entry)
    assert str(refused.value).startswith(str(tmp_path / name))
    assert "\n" not in str(refused.value)


def test_a_manifest_says_which_variable_and_which_rate(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    signal = np.arange(200.0)[:, None]
    savemat(tmp_path / "a.mat", {"one": signal, "two": -signal})
    (tmp_path / "manifest.csv").write_text(
        "file,label,split,rate_hz,variable\na.mat,normal,train,4000,two\n"
    )
    (entry,) = listing.entries(tmp_path, "one")
    assert (entry.rate_hz, entry.variable) == (4000, "two")
    assert recordings.stored(entry)[0][1, 0] == -1


def test_a_folder_of_files_of_another_kind_is_no_silent_loss_of_a_label(tmp_path: Path) -> None:
    for label, name in (("normal", "a.wav"), ("worn", "a.docx")):
        (tmp_path / label).mkdir()
        (tmp_path / label / name).write_bytes(b"")
        (tmp_path / label / f"b{name}").write_bytes(b"")
    with pytest.raises(UserError, match=r"worn: found no recordings, expected \.wav"):
        listing.entries(tmp_path)


def test_a_column_that_counts_is_no_signal_to_train_on(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    rows = np.column_stack([np.arange(300), np.random.default_rng(0).standard_normal(300)])
    np.savetxt(path, rows, "%.5f", ",", header="Sample,Acc", comments="")
    entry = Entry(path, "a", "train", 1000.0, ())
    for channels, refused in (((0,), True), ((1, 0), True), ((1,), False)):
        source = Source("x", channels=channels)
        if refused:
            with pytest.raises(DataError, match=r"channel 0 counts frames or time"):
                recordings.read(entry, source, 1000.0)
        else:
            assert recordings.read(entry, source, 1000.0).shape == (1, 300)
