"""`replay` prints a table and a verdict for people, and JSON lines for programs."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.cli import main
from agent.jobs.replay.verdict import clock
from agent.sources.machine_simulator import Fault, Machine, Spec
from tests.support import tiny
from tests.support.paths import PROJECT

RATE_HZ = 10_000
SIGNALS: tuple[tuple[Fault, int], ...] = (("normal", 6), ("outer", 8))
MACHINE = ("--rpm", "1797", "--bearing", "6205", "--unit", "g", "--scale", "40")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated machine: healthy, then with a fault of its outer race; and healthy alone."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(1)
    machine = Machine(Spec(rate_hz=RATE_HZ), rng)
    parts = [machine.render(seconds * RATE_HZ, fault, 1.0) for fault, seconds in SIGNALS]
    for name, signal in (("broken.wav", np.concatenate(parts)), ("fine.wav", parts[0])):
        noisy = (signal + 0.3 * rng.standard_normal(len(signal))) / 40
        soundfile.write(folder / name, noisy, RATE_HZ, subtype="FLOAT")
    tiny.write(folder / "tiny.onnx")
    np.save(folder / "short.npy", np.zeros(10))
    return folder


@pytest.fixture(autouse=True)
def there(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recordings)


def test_a_table_and_a_verdict_say_what_the_json_lines_say(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["replay", "broken.wav", "--json", *MACHINE]) == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    events = [each for each in records if each["schema"] == "drsn-event/1"]
    assert main.main(["replay", "broken.wav", "--table", *MACHINE]) == 0
    first, head, *rows, verdict = capfd.readouterr().out.splitlines()
    assert first.startswith("broken.wav: 0:14.0, at 10000 Hz -> bearing-orders 1 (int8)")
    assert head.split() == ["from", "to", "decision", "network", "RMS", "g"]
    assert len(rows) == len(events)
    begins = ["0:00.0", *(clock(_end_s(event)) for event in events[1:])]
    for row, begin, event in zip(rows, begins, events, strict=True):
        assert row.split()[0] == begin
        assert f" {event['decision']} " in row
    assert " fault outer " in rows[-1]
    assert verdict.startswith(f"broken.wav: fault outer from {begins[-1]} to the end (")
    assert "the strongest bearing line is bpfo" in verdict


def _end_s(event: dict[str, Any]) -> float:
    return float((event["first_sample"] + event["n_samples"]) / RATE_HZ)


def test_what_speed_and_bearing_would_bring_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main.main(["replay", "broken.wav", "--table"]) == 0
    verdict = capfd.readouterr().out.splitlines()[-1]
    assert "broken.wav: unknown from " in verdict
    assert verdict.endswith("with --rpm and --bearing a bearing fault can be named")


def test_several_recordings_have_a_table_each_and_a_bad_one_stops_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = ("short.npy", "fine.wav", "absent.wav", "broken.wav")
    assert main.main(["replay", "--table", *files, "--model", "./tiny.onnx"]) == 75
    printed = capfd.readouterr()
    verdicts = [
        line for line in printed.out.splitlines() if " to the end" in line or "through" in line
    ]
    assert [line.partition(":")[0] for line in verdicts] == ["fine.wav", "broken.wav"]
    short, absent = printed.err.splitlines()
    assert short.startswith(
        "drsn-agent: short.npy: found no sampling rate in the file, expected --rate-hz"
    )
    assert absent.startswith("drsn-agent: absent.wav: found no such recording")


def test_json_of_several_recordings_names_each_before_its_lines(
    capfd: pytest.CaptureFixture[str],
) -> None:
    tiny_model = ("--model", "./tiny.onnx")
    assert (
        main.main(["replay", "--json", "fine.wav", "absent.wav", "broken.wav", *tiny_model]) == 75
    )
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    names = [(at, line["recording"]) for at, line in enumerate(lines) if "recording" in line]
    assert [name for _, name in names] == ["fine.wav", "broken.wav"]
    assert names[0][0] == 0
    assert {line["epoch"] for line in lines[1 : names[1][0]]}.isdisjoint(
        line["epoch"] for line in lines[names[1][0] + 1 :]
    )


def test_a_recording_that_breaks_off_has_a_table_up_to_there_and_exit_code_65(
    recordings: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    soundfile.write("whole.flac", soundfile.read("broken.wav")[0], RATE_HZ)
    data = bytearray(Path("whole.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    Path("damaged.flac").write_bytes(data)
    assert main.main(["replay", "--table", "damaged.flac", "--model", "./tiny.onnx"]) == 65
    printed = capfd.readouterr()
    assert "sensor_fault" in printed.out
    assert any("damaged.flac: damaged at frame" in line for line in printed.err.splitlines())
    assert "Traceback" not in printed.err


def test_a_page_never_takes_the_place_of_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("fine.wav").read_bytes()
    assert main.main(["replay", "--html", "fine.wav", "broken.wav"]) == 1
    expected = "drsn-agent: --html: found fine.wav, expected a name that ends in .html\n"
    assert capsys.readouterr().err == expected
    assert Path("fine.wav").read_bytes() == before


def test_a_terminal_gets_the_table_and_a_pipe_json_lines(recordings: Path) -> None:
    command = [sys.executable, "-m", "agent", "replay", "fine.wav", "--model", "./tiny.onnx"]
    piped = written(command, recordings, subprocess.PIPE)
    assert all(json.loads(line)["schema"] for line in piped.splitlines())
    terminal, child = pty.openpty()
    written(command, recordings, child)
    os.close(child)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert shown.splitlines()[-1].startswith("fine.wav: ")
    assert "{" not in shown


def written(command: list[str], folder: Path, stdout: int) -> bytes:
    """What the command wrote to a pipe."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        command, stdout=stdout, cwd=folder, env=environment, timeout=60, check=True
    )
    return done.stdout
