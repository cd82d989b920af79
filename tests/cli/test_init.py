"""`init` writes a configuration that runs, and `--config` finds it without being told."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile
import yaml

from agent.cli import config_option
from agent.cli.main import main
from agent.config import load
from agent.jobs import found_sensors
from agent.sources.machine_simulator import Machine, Spec
from tests.conftest import Broker, free_port


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the command runs: nothing is plugged in, and nobody can answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", (tmp_path / "answers").open("w+"))
    monkeypatch.setattr("agent.sources.portaudio.inputs", list)
    for name in ("IIO", "DEVICES"):
        monkeypatch.setattr(found_sensors, name, tmp_path / "nothing")
    return tmp_path


def answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """A terminal at which a user types these answers; the questions, as they are asked."""
    questions: list[str] = []
    replies = iter(answers)

    def asked(question: str) -> str:
        questions.append(question)
        return next(replies)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", asked)
    return questions


def test_without_a_sensor_it_writes_a_simulated_machine_that_every_verb_finds(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    assert "next: drsn-agent run --config config.yaml" in capsys.readouterr().out
    assert main(["check"]) == 0
    assert capsys.readouterr().out.endswith("config.yaml: ok\n")
    config = load.load(folder / "config.yaml")
    assert config.sources[0].common.kind == "synth"
    assert Path(config.agent.state_dir) == folder / "drsn-state"


def test_the_file_names_the_schema_beside_it_which_takes_it(folder: Path) -> None:
    assert main(["init", "--page", "--broker", "127.0.0.1:1"]) == 0
    text = (folder / "config.yaml").read_text()
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    jsonschema.validate(yaml.safe_load(text), json.loads((folder / named).read_text()))


def test_options_answer_for_a_script_and_broker_and_sensor_are_tried(
    folder: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(Spec(rate_hz=12_000), np.random.default_rng(0))
    samples = machine.render(24_000, "normal", 1.0)
    soundfile.write(folder / "a b.wav", samples / 16, 12_000)
    options = ["--source", "file", "--set", "path=a b.wav", "--rpm", "1797", "--bearing", "6205"]
    assert main(["init", *options, "--name", "pump", "--broker", f"localhost:{broker.port}"]) == 0
    out = capsys.readouterr().out
    assert "ok     source pump: file at 12000 Hz -> bearing-orders" in out
    assert f"ok     broker: localhost:{broker.port}" in out
    assert "\nwrong" not in out


def test_what_does_not_answer_is_told_with_what_to_mend(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["init", "--broker", f"127.0.0.1:{free_port()}"]) == 0
    out = capsys.readouterr().out
    assert "Connection refused: does the broker run" in out
    assert out.endswith("mend that in config.yaml, then: drsn-agent doctor --config config.yaml\n")


def test_a_file_that_is_there_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.yaml").write_text("mine")
    assert main(["init"]) == 1
    assert "config.yaml: is there already, expected --force" in capsys.readouterr().err
    assert (folder / "config.yaml").read_text() == "mine"
    assert main(["init", "--force"]) == 0


def test_sensors_that_are_plugged_in_are_offered_and_the_rest_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    device = folder / "iio" / "iio:device0"
    device.mkdir(parents=True)
    (device / "name").write_text("adxl355\n")
    (device / "in_accel_x_raw").write_text("0")
    by_id = folder / "dev" / "serial" / "by-id"
    by_id.mkdir(parents=True)
    (folder / "dev" / "ttyUSB0").touch()
    (by_id / "usb-node").symlink_to("../../ttyUSB0")
    monkeypatch.setattr(found_sensors, "IIO", folder / "iio")
    monkeypatch.setattr(found_sensors, "DEVICES", folder / "dev")
    questions = answer(monkeypatch, "2", "3200", "")
    assert main(["init"]) == 0
    out = capsys.readouterr().out
    assert "  1  adxl355 (industrial I/O)\n" in out
    assert f"  2  serial port {by_id / 'usb-node'}\n  3  a simulated" in out  # not twice
    assert [question.split()[0] for question in questions] == ["Which", "rate_hz", "MQTT"]
    source = yaml.safe_load((folder / "config.yaml").read_text())["sources"][0]
    assert (source["kind"], source["rate_hz"]) == ("serial", 3200)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--source", "radio"], "--source kind: found 'radio', expected one of"),
        (["--source", "synth", "--rpm", "-3"], "--set rpm: found -3"),
        (["--source", "file"], "--set path: found nothing, expected a value"),
        (["--source", "serial", "--set", "port=/dev/ttyS9"], "--set rate_hz: found nothing"),
        (["--source", "synth", "--broker", "mqtt://h:1883"], "mqtt.host: found"),
        (["--source", "synth", "--bearing", "nonsense"], "--set bearing: found 'nonsense'"),
        (["--source", "synth", "--set", "pace"], "--set: found 'pace', expected KEY=VALUE"),
        (["--out", "no/where.yaml"], "no/config.schema.json: cannot be written"),
    ],
)
def test_a_wrong_answer_is_one_line_and_nothing_is_written(
    options: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *options]) != 0
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert expected in error
    assert not (folder / "config.yaml").exists()


def test_an_answer_that_never_comes_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal is closed in the middle of the questions, or Ctrl-D is typed."""

    def closed(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", closed)
    assert main(["init"]) == 1
    assert "found no answer, expected one line of text" in capsys.readouterr().err


def test_the_readmes_lines_make_a_configuration_that_is_well(folder: Path) -> None:
    options = ["--source", "synth", "--rpm", "1480", "--bearing", "6205", "--broker", "none"]
    assert main(["init", *options]) == 0
    assert main(["check"]) == 0
    (source,) = load.load(folder / "config.yaml").sources
    assert source.common.model == "bearing-orders"


def test_a_configuration_is_looked_for_here_and_then_where_the_service_has_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = folder / "etc.yaml"
    monkeypatch.setattr(config_option, "PATHS", (Path("config.yaml"), service))
    assert config_option.default() == service
    (folder / "config.yaml").touch()
    assert config_option.default() == Path("config.yaml")


def test_config_prints_the_example_and_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    example = capsys.readouterr().out
    assert "sources" in yaml.safe_load(example)
    assert main(["config", "--schema"]) == 0
    jsonschema.validate(yaml.safe_load(example), json.loads(capsys.readouterr().out))
