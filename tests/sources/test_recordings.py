"""Recordings are read to their last sample, or refused in one line; their headers may be wrong."""

import logging
import os
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from agent.core.errors import ConfigError, DataError
from agent.sources import file
from agent.sources.recordings import open_recording

RATE_HZ = 8000
CODES = np.random.default_rng(2).integers(-(2**31), 2**31, (1000, 2), np.int32)
SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


def write(path: Path, subtype: str = "PCM_16") -> np.ndarray:
    """A WAV file with nothing behind its samples; what it holds."""
    values = CODES if "PCM" in subtype else CODES / 2.0**31
    soundfile.write(path, values, RATE_HZ, subtype)
    samples: np.ndarray = soundfile.read(path, dtype="float32")[0]
    data = path.read_bytes()
    at = data.index(b"data")
    size = struct.unpack_from("<I", data, at + 4)[0]
    path.write_bytes(data[: at + 8 + size])
    return samples


def declare(path: Path, size: int) -> int:
    """Puts another size of its samples into the header; returns where the samples begin."""
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    struct.pack_into("<I", data, at + 4, size)
    path.write_bytes(data)
    return at + 8


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_a_size_of_zero_is_not_believed(
    subtype: str, form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A recorder that was killed leaves it."""
    path = tmp_path / "killed.wav"
    expected = write(path, subtype)
    if form == "WAVEX":
        soundfile.write(path, expected, RATE_HZ, subtype, format="WAVEX")
        expected = soundfile.read(path, dtype="float32")[0]
        path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"data") + 8 + 2000])
        expected = soundfile.read(path, dtype="float32")[0]
    declare(path, 0)
    recording = open_recording(path)
    samples = np.concatenate([recording.read(300), recording.read(10**6)])
    assert np.array_equal(samples, expected)
    assert (recording.frames, recording.rate_hz) == (len(expected), RATE_HZ)
    (line,) = caplog.messages
    assert "the header says 0 bytes of samples" in line


def test_a_size_that_wrapped_at_4_gib_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "long.wav"
    write(path)
    size = 2**32 + 4000
    start = declare(path, 4000)
    os.truncate(path, start + size)
    assert open_recording(path).frames == size // 4
    assert f"says 4000 bytes of samples, and {size} are there" in caplog.text


def test_a_file_that_was_cut_is_read_to_its_end_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cut.wav"
    expected = write(path)
    os.truncate(path, path.stat().st_size - 2000)
    recording = open_recording(path)
    assert np.array_equal(recording.read(10**6), expected[:500])
    assert "the header says 4000 bytes of samples, and 2000 are there" in caplog.text


@pytest.mark.parametrize("format", ["AIFF", "AU", "W64", "RF64", "SVX"])
def test_a_cut_file_of_another_format_is_read_with_a_warning_too(
    format: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"x.{format.lower()}"
    soundfile.write(path, np.zeros(4000, np.int16), 8000, format=format)
    assert open_recording(path).frames == 4000
    assert caplog.messages == []
    path.write_bytes(path.read_bytes()[:-4000])
    assert open_recording(path).frames == 2000
    (line,) = caplog.messages
    assert line.endswith(" are there: the file was cut")


def test_a_size_that_a_pipe_could_not_know_is_no_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.au"
    soundfile.write(path, np.zeros(4000, np.int16), 8000)
    data = bytearray(path.read_bytes())
    data[8:12] = b"\xff" * 4  # the AU format's "unknown"
    path.write_bytes(data)
    assert open_recording(path).frames == 4000
    assert caplog.messages == []


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_an_open_end_from_a_pipe_is_read_without_fuss(
    size: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "piped.wav"
    expected = write(path)
    declare(path, size)
    assert np.array_equal(open_recording(path).read(10**6), expected)
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


def test_a_header_that_is_right_is_no_reason_for_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "right.wav"
    expected = write(path)
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert np.array_equal(open_recording(path).read(10**6), expected)
    assert caplog.messages == []


def _empty_wav(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 1)), RATE_HZ)


NOTHING = {
    "empty.wav": (_empty_wav, "found no samples"),
    "empty.flac": (_empty_wav, "found no samples|not a recording"),
    "rows.npy": (lambda path: np.save(path, np.zeros((0, 1))), "found no samples"),
    "bytes.npy": (lambda path: path.write_bytes(b""), "not an NPY array that can be read"),
    "bytes.wav": (lambda path: path.write_bytes(b""), "not a recording that can be read"),
    "bytes.csv": (lambda path: path.write_bytes(b""), "found no rows"),
    "turned.npy": (lambda path: np.save(path, np.zeros((1, 9000))), "transpose the array"),
    "samples.raw": (lambda path: path.write_bytes(bytes(9000)), "found samples without a header"),
    "scalar.npy": (lambda path: np.save(path, np.float32(1)), "expected numbers"),
    "flags.npy": (lambda path: np.save(path, np.zeros(9, bool)), "expected numbers"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NOTHING)
def test_what_holds_no_recording_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, expected = NOTHING[name]
    make(tmp_path / name)
    with pytest.raises(DataError, match=expected) as refused:
        open_recording(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".npy", ".csv"])
def test_a_name_need_not_be_utf_8(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"b\xe9ton" + suffix.encode())
    if suffix == ".npy":
        np.save(path, np.zeros(9))
    elif suffix == ".csv":
        path.write_text("1\n2\n")
    else:
        plain = tmp_path / f"plain{suffix}"
        soundfile.write(plain, np.zeros(9), RATE_HZ)
        plain.rename(path)
    assert open_recording(path).frames in (2, 9)


def test_a_start_near_the_end_of_time_is_refused_at_once(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(9), RATE_HZ)
    options = {"path": str(tmp_path / "x.wav"), "start": "9999-12-31T23:59:59Z"}
    with pytest.raises(ConfigError, match="start: found the year 9999"):
        file.open_source(msgspec.convert(options, file.Options))
