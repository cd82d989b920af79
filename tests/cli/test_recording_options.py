"""A recording is scored with speed, bearing and unit, or as a configured source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.cli import main
from agent.core.bearing_table import ROWS
from agent.sources.machine_simulator import Machine, Spec

RATE_HZ = 10_000


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A simulated machine with a fault of its outer race, 6 s."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    signal = Machine(Spec(rate_hz=RATE_HZ), rng).render(6 * RATE_HZ, "outer", 1.0)
    noisy = (signal + 0.3 * rng.standard_normal(len(signal))) / 40
    soundfile.write("fault.wav", noisy, RATE_HZ, subtype="FLOAT")
    return "fault.wav"


def replayed(capfd: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    assert main.main(["replay", *options]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_speed_and_bearing_bring_the_network_that_reads_them_and_the_physics(
    recording: str, capfd: pytest.CaptureFixture[str]
) -> None:
    machine = ("--rpm", "1797", "--bearing", "SKF 6205-2RS")
    records = replayed(capfd, recording, *machine, "--unit", "g", "--scale", "40")
    events = [each for each in records if each["schema"] == "drsn-event/1"]
    (fault,) = (each for each in events if each["decision"] == "fault")
    assert (fault["label"], fault["model"]["name"]) == ("outer", "bearing-orders")
    assert (fault["unit"], fault["physics"][0]["shows"]) == ("g", "bpfo")


def test_without_speed_and_bearing_it_is_the_other_network(
    recording: str, capfd: pytest.CaptureFixture[str]
) -> None:
    records = replayed(capfd, recording)
    assert {each["model"]["name"] for each in records if "model" in each} == {"bearing"}


def test_a_configured_source_gives_its_keys_to_a_recording(
    recording: str, capfd: pytest.CaptureFixture[str]
) -> None:
    orders = "3.585, 5.415, 2.357, 0.398"
    source = f"{{name: fan, kind: mic, hop_s: 0.2, rpm: 1797, bearing: [{orders}]}}"
    Path("c.yaml").write_text(f"agent: {{state_dir: ./state}}\nsources: [{source}]")
    records = replayed(capfd, recording, "--config", "c.yaml", "--source", "fan")
    windows = [each for each in records if each["schema"] == "drsn-window/1"]
    assert {(each["source"], each["model"]["name"]) for each in windows} == {
        ("fan", "bearing-orders")
    }
    assert windows[1]["first_sample"] == 0.2 * RATE_HZ
    assert not Path("state").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--bearing", "6205"), "--bearing: found no rpm or tacho beside it, expected the speed"),
        (("--bearing", "6208", "--rpm", "9"), "--bearing: found '6208', expected a name that is"),
        (("--rpm", "-1"), "--rpm: found -1.0, expected a number >= 0.01"),
        (("--scale", "0"), "--scale: found 0, expected a factor that leaves a signal"),
        (("--config", "c.yaml", "--rpm", "9"), "--config: found --rpm beside it"),
        (("--config", "c.yaml"), "--source: found nothing, expected a source's name"),
    ],
)
def test_a_mistake_names_the_option(
    recording: str, options: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["replay", recording, *options]) in (1, 78)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"drsn-agent: {expected}")


def test_bearing_prints_orders_and_frequencies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bearing", "SKF", "6205-2RS1/C3", "--rpm", "1480"]) == 0
    first = capsys.readouterr().out.splitlines()[0].split()
    assert first[:4] == ["bpfo", "3.5848", "88.42", "Hz"]
    assert main.main(["bearing"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ROWS)


def test_bearing_answers_an_unknown_name_with_near_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["bearing", "6208"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "found '6208', expected a name that is known (6207, 6206" in line
    assert "balls, ball_mm, pitch_mm" in line
