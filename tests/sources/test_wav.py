"""WAV as broadcasters' and measurement programs write it: `bext` chunks, RF64."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.sources.recordings import open_recording

TONE = np.sin(np.arange(4000) / 7) / 2


def test_a_wav_with_the_broadcasters_chunk_is_read_as_one_without(tmp_path: Path) -> None:
    """EBU Tech 3285: `bext` stands before the format, here of an odd size with its pad byte."""
    path = tmp_path / "b.wav"
    soundfile.write(path, TONE, 8000, "PCM_24")
    data = path.read_bytes()
    bext = b"bext" + struct.pack("<I", 603) + b"Pump 4".ljust(603, b"\0") + b"\0"
    size = struct.pack("<I", len(data) - 8 + len(bext))
    (tmp_path / "bext.wav").write_bytes(data[:4] + size + data[8:12] + bext + data[12:])
    plain, with_chunk = (open_recording(tmp_path / name) for name in ("b.wav", "bext.wav"))
    assert (with_chunk.rate_hz, with_chunk.frames, with_chunk.note) == (8000, len(TONE), None)
    assert np.array_equal(plain.read(10**6), with_chunk.read(10**6))


def test_an_rf64_of_more_than_4_gib_is_read_to_its_end(tmp_path: Path) -> None:
    """EBU Tech 3306; a sparse file."""
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(0), 8000, "PCM_16", format="RF64")
    data = bytearray(path.read_bytes())
    frames = (1 << 31) + 1000  # of two bytes
    data[20:36] = struct.pack("<QQ", len(data) - 8 + 2 * frames, 2 * frames)
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(len(data) + 2 * frames)
        file.seek(len(data) + 2 * frames - 2)
        file.write(b"\x00\x40")
    recording = open_recording(path)
    assert (recording.frames, recording.rate_hz) == (frames, 8000)
    assert recording.note is None


def test_an_rf64_of_a_killed_recorder_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    soundfile.write(path, TONE, 8000, "PCM_16", format="RF64")
    data = bytearray(path.read_bytes())
    data[20:36] = bytes(16)
    path.write_bytes(data)
    recording = open_recording(path)
    expected = np.rint(TONE * 32767) / 32768
    assert recording.read(10**6)[: len(TONE), 0] == pytest.approx(expected, abs=1 / 32768)
    assert recording.note is not None
    assert recording.note.startswith("the header says 0 bytes of samples")


def test_an_rf64_from_libsndfile_is_read_in_equal_samples(tmp_path: Path) -> None:
    for subtype in ("PCM_16", "FLOAT"):
        path = tmp_path / f"{subtype}.wav"
        soundfile.write(path, TONE, 51_200, subtype, format="RF64")
        recording = open_recording(path)
        expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
        assert np.array_equal(recording.read(10**6), expected)
        assert recording.rate_hz == 51_200
