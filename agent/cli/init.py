"""`init`: writes a first configuration: it looks for sensors, tries broker and sensor."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.cli import config_option, set_option
from agent.config import json_schema, load, yaml_file
from agent.core import files, logs
from agent.core.errors import UserError
from agent.jobs import found_sensors, new_configuration
from agent.jobs.doctor_checks import examine
from agent.jobs.found_sensors import FoundSensor
from agent.jobs.new_configuration import Choices

SERVICE_FILE, SERVICE_STATE = config_option.PATHS[-1], Path("/var/lib/drsn-agent")
SIMULATED = FoundSensor("a simulated machine, to try it out", {"kind": "synth", "repeat": True})
NO_BROKER = "none"
OPTIONS = ("rate_hz", "rpm", "bearing", "unit", "scale")  # as the source's keys are named


def define(parser: argparse.ArgumentParser) -> None:
    parser.description = "Without options it asks; in a script, --source and --broker answer."
    parser.add_argument("--out", type=Path, default=config_option.PATHS[0], help="%(default)s")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--name", default="machine", help="of the source; %(default)s")
    parser.add_argument("--source", help="a kind: mic, serial, iio, file, stream, udp, mqtt, synth")
    set_option.define(parser)
    parser.add_argument("--broker", help=f"HOST or HOST:PORT; {NO_BROKER}: print the results")
    parser.add_argument("--page", action="store_true", help="serve the page on this machine")
    parser.add_argument("--state-dir", type=Path, help="default: drsn-state, beside the file")
    for option in OPTIONS:
        parser.add_argument(f"--{option.replace('_', '-')}", help="like the key, of the source")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out
    if out.exists() and not arguments.force:
        raise UserError(f"{out}: is there already, expected --force or another name by --out")
    choices = Choices(
        source={"name": arguments.name, **_source(arguments)},
        broker=_broker(arguments.broker),
        state_dir=arguments.state_dir or _state_dir(out),
        page=arguments.page,
    )
    schema = out.with_name("config.schema.json")
    text = new_configuration.text(choices, out, Path(schema.name))
    try:
        load.parse(yaml_file.parse(text))
    except UserError as error:
        raise set_option.as_option(error) from None
    _write(schema, json.dumps(json_schema.schema(), indent=1) + "\n")
    _write(out, text)
    print(f"wrote {out}, and {schema.name} for editors")
    return _tried(out)


def _tried(out: Path) -> int:
    """Looks at sensor, broker and disk as `doctor` does, and says what comes next."""
    logs.start("CRITICAL")  # the findings say what would be logged
    wrong = 0
    for finding in examine(out):
        print(finding, flush=True)
        wrong += finding.state == "wrong"
    if wrong:
        print(f"mend that in {out}, then: drsn-agent doctor --config {out}")
    else:
        print(f"next: drsn-agent run --config {out}")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        files.write(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _state_dir(out: Path) -> Path:
    """Where the agent keeps its state: an ordinary user's lies beside the configuration."""
    return SERVICE_STATE if out == SERVICE_FILE else out.absolute().parent / "drsn-state"


def _source(arguments: argparse.Namespace) -> dict[str, Any]:
    """The source's keys: of the options, or of a sensor that is chosen among those found."""
    keys = _options(arguments)
    if arguments.source is not None:
        return {"kind": arguments.source} | keys
    sensor = _selected((*found_sensors.all_sensors(), SIMULATED))
    for key in sensor.unknown:
        if key not in keys:
            keys[key] = yaml_file.value(_asked(f"{key} (e.g. 3200)", ""), key)
    return sensor.keys | keys


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {key: getattr(arguments, key) for key in OPTIONS}
    return set_option.keys(arguments) | {
        key: yaml_file.value(value, f"--{key.replace('_', '-')}")
        for key, value in given.items()
        if value is not None
    }


def _selected(sensors: tuple[FoundSensor, ...]) -> FoundSensor:
    """The sensor that the user picks; in a script the first."""
    for number, sensor in enumerate(sensors, 1):
        print(f"{number:3}  {sensor.text}")
    answer = _asked("Which one is it?", "1")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(sensors):
        raise UserError(f"found {answer!r}, expected a number from 1 to {len(sensors)}")
    return sensors[int(answer) - 1]


def _broker(option: str | None) -> str | None:
    answer = option or _asked("MQTT broker, HOST or HOST:PORT", NO_BROKER)
    return None if answer == NO_BROKER else answer


def _asked(question: str, default: str) -> str:
    """The user's answer; the default for an empty one, and where nobody can answer."""
    if not sys.stdin.isatty():
        return default
    try:
        return input(f"{question} [{default}] " if default else f"{question} ").strip() or default
    except (EOFError, UnicodeDecodeError):
        raise UserError(f"{question}: found no answer, expected one line of text") from None
