"""The same numbers give the same answer, in `replay`, whatever type and order hold them."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.acquisition.conditioning import LARGEST
from agent.acquisition.windows import SMALLEST
from agent.sources import synthetic
from tests.cli.test_main import command


def faulty() -> np.ndarray:
    """A second of a simulated bearing with a fault of its outer race, in counts of 12 bits."""
    phase = synthetic.Phase(duration_s=1.0, fault="outer", snr_db=(10.0, 10.0))
    source = synthetic.open_source(synthetic.Options(pace="fast", scenario=(phase,), seed=3))
    blocks = []
    while (block := source.read()) is not None:
        blocks.append(block.samples[:, 0])
    samples = np.concatenate(blocks)
    counts: np.ndarray = np.round(1500 * samples / np.abs(samples).max())
    return counts


SIGNAL = faulty()
FORMS = {
    "int16": SIGNAL.astype("<i2"),
    "int32": SIGNAL.astype("<i4"),
    "int64": SIGNAL.astype("<i8"),
    "big-endian": SIGNAL.astype(">i4"),
    "big-endian int64": SIGNAL.astype(">i8"),
    "uint16": (SIGNAL + 2**15).astype("<u2"),
    "uint64": (SIGNAL + 2**15).astype("<u8"),
    "fortran": np.asfortranarray(SIGNAL[:, None].astype(np.int64)),
    "float32": SIGNAL.astype(np.float32),
    "float64": SIGNAL.astype(">f8"),
}


def windows(file: Path, *options: str) -> list[dict[str, object]]:
    replay = ("replay", str(file), "--model", "bearing", "--rate-hz", "10000", *options)
    done = command(*replay, cwd=file.parent)
    assert done.returncode == 0, done.stderr
    return [
        line for line in map(json.loads, done.stdout.splitlines()) if "window" in line["schema"]
    ]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    file = tmp_path_factory.mktemp("expected") / "counts.npy"
    np.save(file, SIGNAL.astype(np.float32))
    return windows(file)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_counts_give_the_same_answer(
    form: str, expected: list[dict[str, object]], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", FORMS[form])
    answers = windows(tmp_path / "x.npy")
    assert [window["label"] for window in expected] == len(expected) * ["outer"]
    assert len(answers) == len(expected)
    for answer, right in zip(answers, expected, strict=True):
        assert answer["decision"] == right["decision"]
        assert answer["label"] == right["label"]
        assert answer["probability"] == pytest.approx(right["probability"], abs=2e-3)


@pytest.mark.parametrize("factor", [SMALLEST / 1e5, LARGEST])
def test_numbers_beyond_what_a_network_can_see_are_a_sensor_fault(
    factor: float, tmp_path: Path
) -> None:
    """A network that standardizes would divide by nothing, or by infinity, and see silence."""
    np.save(tmp_path / "x.npy", SIGNAL * factor)
    answers = windows(tmp_path / "x.npy")
    assert {answer["decision"] for answer in answers} == {"sensor_fault"}


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_railed_24_bit_converter_is_clipped_in_any_container(
    subtype: str, sign: int, tmp_path: Path
) -> None:
    full = 2**23
    codes = np.clip(np.round(sign * (SIGNAL / 700 + 0.6) * full), -full, full - 1).astype(np.int32)
    soundfile.write(tmp_path / "x.wav", codes << 8, 10_000, subtype)
    answers = windows(tmp_path / "x.wav")
    assert answers
    assert all("clipped" in answer["flags"] for answer in answers)  # type: ignore[operator]


def test_a_stuck_bit_of_a_recording_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "stuck.npy"
    np.save(file, np.tile(SIGNAL, 4).astype(np.int16) | 8)
    done = command(
        *("replay", str(file), "--model", "bearing", "--rate-hz", "10000"), cwd=file.parent
    )
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "bit 3 of the samples is always 1" in line
