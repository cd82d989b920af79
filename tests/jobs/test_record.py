"""A recording is what came, to the bit, never spliced, and ready to be trained on."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from agent.cli import main
from agent.core import pcm
from agent.core.types import Block, Format
from agent.jobs import manifest
from agent.jobs.record import Recorder, Session
from models.data import listing, recordings
from models.data.recipe import Source
from tests.conftest import eventually

RATE_HZ = 1000
INT16 = 1.0 - 2.0**-15


def session(folder: Path, label: str = "fan_ok", **keys: Any) -> Session:
    import datetime

    began = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    return Session(folder, label, keys.pop("split", "train"), "mic", began, **keys)


def block(frames: int, seed: int = 0, lost: int = 0) -> Block:
    codes = np.random.default_rng(seed).integers(-(2**15), 2**15, (frames, 2))
    return Block((codes / 2**15).astype(np.float32), lost)


def written(folder: Path) -> list[np.ndarray]:
    return [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("fan*"))]


@pytest.mark.parametrize(
    ("full_scale", "suffix", "bits"),
    [(INT16, ".flac", "PCM_16"), (1 - 2.0**-23, ".flac", "PCM_24"), (None, ".wav", "FLOAT")],
)
def test_what_is_written_is_what_came(
    tmp_path: Path, full_scale: float | None, suffix: str, bits: str
) -> None:
    came = block(2000)
    with Recorder(session(tmp_path), Format(RATE_HZ, 2, full_scale)) as recording:
        for at in range(0, 2000, 300):
            recording.take(Block(came.samples[at : at + 300]))
    (file,) = recording.tally.files
    assert Path(file).suffix == suffix
    assert soundfile.info(tmp_path / file).subtype == bits
    assert np.array_equal(written(tmp_path)[0], came.samples)


@pytest.mark.parametrize("gap", ["lost", "nan"])
def test_behind_a_gap_a_new_file_begins_of_the_same_split(tmp_path: Path, gap: str) -> None:
    first, second = block(1500, 1), block(1500, 2, lost=7 if gap == "lost" else 0)
    if gap == "nan":
        second.samples[0] = np.nan
    with Recorder(session(tmp_path, split="val"), Format(RATE_HZ, 2)) as recording:
        recording.take(first)
        recording.take(second)
    kept = second.samples if gap == "lost" else second.samples[1:]
    assert [
        np.array_equal(a, b) for a, b in zip(written(tmp_path), (first.samples, kept), strict=True)
    ]
    assert (recording.tally.gaps, recording.tally.lost) == (1, 7 if gap == "lost" else 1)
    assert [entry.split for entry in listing.entries(tmp_path)] == ["val", "val"]


def test_a_piece_of_less_than_a_second_between_gaps_is_left_out(tmp_path: Path) -> None:
    with Recorder(session(tmp_path), Format(RATE_HZ, 2)) as recording:
        recording.take(block(1500))
        recording.take(block(900, lost=1))
        recording.take(block(1500, lost=1))
    assert (recording.tally.short, recording.tally.frames) == (1, 3000)
    assert len(written(tmp_path)) == len(recording.tally.files) == 2


def test_a_stall_of_a_live_source_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    with Recorder(session(tmp_path), Format(RATE_HZ, 2, live=True)) as recording:
        for wait_s in (1.0, 1.0, 4.0, 1.0):
            now_s[0] += wait_s
            recording.take(block(1000))
    assert (recording.tally.gaps, recording.tally.lost) == (1, 3000)
    assert len(recording.tally.files) == 2


def test_training_reads_it_in_the_unit_of_the_agent(tmp_path: Path) -> None:
    came = block(2000)
    described = session(tmp_path, scale=9.81, unit="m/s2", rpm=1797.0)
    with Recorder(described, Format(1000.5, 2, INT16)) as recording:
        recording.take(came)
    (entry,) = listing.entries(tmp_path)
    assert (entry.label, entry.rate_hz, entry.rpm) == ("fan_ok", 1000.5, 1797.0)
    read = recordings.read(entry, Source(folder="", channels=(0, 1)), 1000.5)
    assert read == pytest.approx(came.samples.T * 9.81)


def test_the_second_and_every_fourth_session_of_a_label_validate(tmp_path: Path) -> None:
    splits = []
    for at in range(8):
        splits.append(manifest.split(tmp_path, "fan_ok"))
        name = f"fan_ok-2026010{at + 1}T000000"
        for piece in (1, 2):
            row = {"file": f"{name}-{piece}.flac", "label": "fan_ok", "split": splits[-1]}
            manifest.append(tmp_path, row)
    assert splits == ["train", "val", "train", "val", "train", "train", "train", "val"]
    assert manifest.split(tmp_path, "worn") == "train"


def test_a_manifest_that_is_there_keeps_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("label,file,split,load\nnormal,a.wav,train,3\n")
    manifest.append(tmp_path, {"file": "b.wav", "label": "worn", "split": "val", "source": "mic"})
    assert file.read_text().splitlines()[2] == "worn,b.wav,val,"


# -- the verb ---------------------------------------------------------------------------


def command(*arguments: str) -> int:
    return main.main(["record", *arguments])


def test_two_labels_recorded_twice_each_are_a_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, fault in (("fan_ok", "normal"), ("fan_worn", "outer")):
        scenario = f"scenario=[{{duration_s: 9, fault: {fault}}}]"
        for seed in (1, 2):
            keys = ("pace=fast", f"seed={seed}", scenario)
            chosen = [word for key in keys for word in ("--set", key)]
            done = command(
                str(tmp_path), "--label", label, "--source", "synth", "--seconds", "2", *chosen
            )
            assert done == 0
            assert "2.0 s at 10000 Hz, 1 channel(s)" in capsys.readouterr().out
    found = listing.entries(tmp_path)
    assert [(entry.label, entry.split) for entry in found] == [
        ("fan_ok", "train"),
        ("fan_ok", "val"),
        ("fan_worn", "train"),
        ("fan_worn", "val"),
    ]
    assert {soundfile.info(entry.path).frames for entry in found} == {20_000}


def test_of_32_bits_the_upper_24_are_kept(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-(2**31), 2**31, (5000, 1)).astype(np.int32)
    format = Format(1000, 1, pcm.full_scale("int32"), step=pcm.step("int32"))
    with Recorder(session(tmp_path), format) as recording:
        recording.take(Block(pcm.to_float(codes)))
    (name,) = recording.tally.files
    kept, _ = soundfile.read(tmp_path / name, dtype="int32", always_2d=True)
    assert soundfile.info(tmp_path / name).subtype == "PCM_24"
    assert np.abs(kept.astype(np.int64) - codes).max() <= 2**8


@pytest.mark.parametrize("label", ["Unwucht groß", "不平衡", "дисбаланс", "a+b (2)"])
def test_a_label_is_in_any_script_as_in_train(label: str, tmp_path: Path) -> None:
    keys = ("--source", "synth", "--seconds", "1", "--set", "pace=fast")
    assert command(str(tmp_path), "--label", label, *keys) == 0
    (entry,) = listing.entries(tmp_path)
    assert entry.label == label
    assert soundfile.info(entry.path).frames == 10_000


@pytest.mark.parametrize("label", ["", " a", "a/b", ".a", "-a", "a\nb", "ä" * 60])
def test_a_label_that_names_no_file_is_refused(
    label: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(tmp_path), f"--label={label}", "--source", "synth") == 1
    assert "expected a name of a file" in capsys.readouterr().err


def test_a_source_of_the_configuration_is_recorded_as_the_agent_takes_it(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-9000, 9000, (4000, 2), np.int16)
    np.save(tmp_path / "x.npy", codes)
    source = {"name": "fan", "kind": "file", "path": str(tmp_path / "x.npy"), "rate_hz": 1000}
    source |= {"model": "bearing", "channels": [1], "scale": 2.0, "pace": "fast"}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"sources": [source]}))
    keys = ("--label", "ok", "--config", str(tmp_path / "c.yaml"), "--source", "fan")
    assert command(str(tmp_path / "set"), *keys) == 0
    (entry,) = listing.entries(tmp_path / "set")
    (samples,) = recordings.read(entry, Source(folder=""), 1000)
    assert samples == pytest.approx(2.0 * codes[:, 1] / 2**15)


def test_a_sensor_that_loses_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pieces between its gaps are all too short to be kept."""

    class Leaky:
        format = Format(RATE_HZ, 1, live=True, counted=True)
        now_s = 0.0

        def read(self) -> Block:
            Leaky.now_s += 1.0
            return Block(np.ones((500, 1), np.float32), 500)

        def close(self) -> None: ...

    monkeypatch.setattr("agent.sources.open_source", lambda *_: Leaky())
    monkeypatch.setattr(time, "monotonic", lambda: Leaky.now_s)
    keys = ("--label", "a", "--source", "synth", "--seconds", "5")
    assert command(str(tmp_path), *keys) == 1
    assert "too much is lost to get 5 s together, " in capsys.readouterr().err


def test_interrupted_it_keeps_what_there_is(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "agent", "record", str(tmp_path), "--label", "ok"]
    process = subprocess.Popen(
        [*line, "--source", "synth"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def recorded() -> bool:
        files = list(tmp_path.glob("ok-*.wav"))
        return bool(files) and files[0].stat().st_size > 60_000  # a second and a half

    eventually(recorded, 30, "something is recorded")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "Traceback" not in err
    (entry,) = listing.entries(tmp_path)
    assert soundfile.info(entry.path).frames >= 10_000


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        (("--label", "a/b", "--source", "mic"), 1, "--label: found 'a/b', expected a name"),
        (("--label", "a", "--source", "mik"), 78, "--source kind: found 'mik', expected one of"),
        (
            ("--label", "a", "--source", "synth", "--set", "sed=1"),
            78,
            "--set sed: found an unknown key, did you mean seed?",
        ),
        (("--label", "a", "--source", "synth", "--set", "seed"), 1, "--set: found 'seed', exp"),
        (
            ("--label", "a", "--source", "synth", "--seconds", "0"),
            1,
            "--seconds: found 0, expected more than 0",
        ),
        (
            ("--label", "a", "--source", "synth", "--set", "pace=fast", "--seconds", "0.5"),
            1,
            "recorded nothing of a second or more",
        ),
        (("--label", "a", "--source", "udp"), 78, "--set rate_hz: found nothing, expected"),
    ],
)
def test_what_cannot_be_recorded_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    keys: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    assert command(str(tmp_path / "set"), *keys) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"drsn-agent: {words}")
    assert not (tmp_path / "set" / "manifest.csv").exists()
