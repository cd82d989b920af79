"""The sensors that are plugged into this machine, as `drsn-agent init` offers them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent.core.errors import UserError
from agent.sources import portaudio

DEVICES = Path("/dev")
IIO = Path("/sys/bus/iio/devices")
SERIAL_PORTS = ("serial/by-id/*", "ttyUSB*", "ttyACM*")  # the first kind keeps its name


class FoundSensor(msgspec.Struct, frozen=True):
    """A sensor, and the keys of a source that reads it."""

    text: str  # for people
    keys: dict[str, Any]
    unknown: tuple[str, ...] = ()  # keys that only its owner knows


def all_sensors() -> tuple[FoundSensor, ...]:
    """Accelerometers first, then serial ports, then microphones."""
    return (*_iio(), *_serial(), *_microphones())


def _iio() -> Iterator[FoundSensor]:
    for folder in sorted(IIO.glob("iio:device*")):
        name_file = folder / "name"
        name = name_file.read_text().strip() if name_file.is_file() else folder.name
        if any(folder.glob("in_accel*")) or any(folder.glob("in_voltage*")):
            yield FoundSensor(f"{name} (industrial I/O)", {"kind": "iio", "device": name})


def _serial() -> Iterator[FoundSensor]:
    taken: set[Path] = set()
    for pattern in SERIAL_PORTS:
        for port in sorted(DEVICES.glob(pattern)):
            device = port.resolve()
            if device not in taken:
                taken.add(device)
                keys = {"kind": "serial", "port": str(port)}
                yield FoundSensor(f"serial port {port}", keys, ("rate_hz",))


def _microphones() -> Iterator[FoundSensor]:
    with contextlib.suppress(UserError):  # no sound library: then there is no microphone
        for item in portaudio.inputs():
            keys = {"kind": "mic", "device": item.name, "interleaved": 1}
            yield FoundSensor(f"sound input {item.name}, {item.rate_hz:g} Hz", keys)
