"""One module for each kind of source: its `Options` (configuration keys) and `open_source`.

A module is imported only when its kind is configured. A new kind is a new module and a line here.
"""

import contextlib
import functools
import importlib
from pathlib import Path
from typing import Protocol, cast

import msgspec

from agent.core.errors import UserError
from agent.core.types import Source

_MODULES = {  # kind -> module
    "file": "file",
    "iio": "iio",
    "mic": "microphone",
    "mqtt": "mqtt",
    "serial": "serial",
    "stream": "stream",
    "synth": "synthetic",
    "udp": "udp",
}
KINDS = tuple(_MODULES)

REMOTE_URLS = ("tcp://", "ip:")  # of streams and iio; all else but `mqtt` is on this machine
SETS_ITS_RATE = ("iio", "mic")  # `rate_hz` is what the device is asked for
# The longest wait between two attempts to open a source: a device may be plugged in, a FIFO made or
# a port freed at any moment, and is quick to look for; many agents may wait for one server.
LOCAL_S, REMOTE_S = 2.0, 30.0


class Kind(Protocol):
    """The interface of such a module."""

    Options: type[msgspec.Struct]

    def open_source(self, options: msgspec.Struct) -> Source:
        """The source, ready to read.

        `ConfigError` for a mistake in the options, `DataError` for a recording that cannot be
        read, `ConditionError` for one that is not there, `UserError` for a package that is
        missing, `SourceError` for anything else.
        """


def options(kind: str) -> type[msgspec.Struct]:
    """The record of that kind's options."""
    return _module(kind).Options


def longest_s(kind: str, settings: msgspec.Struct) -> float:
    """The longest wait before a source with these options is opened again, in seconds."""
    where = getattr(settings, "url", "") or getattr(settings, "uri", "")
    return REMOTE_S if kind == "mqtt" or where.startswith(REMOTE_URLS) else LOCAL_S


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A device that one source alone can read."""

    key: str  # of the option that names it
    text: str  # as configured
    device: str  # the same for all ways to name it
    host: str | None = None  # the address that is listened on; None: all, or it has none

    def clashes(self, other: "Claim") -> bool:
        """Whether both cannot be read at once."""
        overlaps = self.host is None or other.host is None or self.host == other.host
        return self.device == other.device and overlaps


def claim(kind: str, settings: msgspec.Struct) -> Claim | None:
    """What that source claims; None: others may read the same (a file, a topic, a server)."""
    match kind:
        case "serial":
            port: str = getattr(settings, "port", "")
            shared = port.startswith("loop://")  # each has its own
            return None if shared else Claim(key="port", text=port, device=_real(port))
        case "udp":
            return _listening(getattr(settings, "listen", ""))
        case "mic":
            device = getattr(settings, "device", None)
            text = "the default input" if device is None else str(device)
            return Claim(key="device", text=text, device=f"mic {text.lower()}")
        case "iio":
            name, uri = getattr(settings, "device", ""), getattr(settings, "uri", "")
            return Claim(key="device", text=name, device=f"iio {uri} {name}")
        case "stream":
            url: str = getattr(settings, "url", "")
            is_server = url.startswith("tcp://")
            return None if is_server else Claim(key="url", text=url, device=_real(url))
        case _:
            return None


def _listening(address: str) -> Claim | None:
    """None for a port that the system chooses."""
    host, _, port = address.rpartition(":")
    if port == "0":
        return None
    everywhere = host.strip("[]") in ("0.0.0.0", "::", "*")
    bound = None if everywhere else host.strip("[]").replace("localhost", "127.0.0.1")
    return Claim(key="listen", text=address, device=f"udp {port}", host=bound)


def _real(path: str) -> str:
    """The file behind links such as /dev/serial/by-id/...; a URL, or stdin, is itself."""
    is_path = "://" not in path and path != "stdin"
    return str(Path(path).resolve()) if is_path else path


class Declared(msgspec.Struct, frozen=True):
    """What is known of a source before it is opened; None: only the device knows."""

    rate_hz: float | None
    channels: int | None
    units: tuple[str | None, ...] = ()  # of each channel, where a recording has them


def declared(kind: str, settings: msgspec.Struct) -> Declared:
    """Rate and channels by the options or, of a recording, by the file."""
    if kind == "file":
        return _of_recording(settings)
    inputs = getattr(settings, "inputs", None)
    channels = None if kind == "iio" else getattr(settings, "interleaved", 1)
    return Declared(getattr(settings, "rate_hz", None), len(inputs) if inputs else channels)


def open_source(kind: str, settings: msgspec.Struct) -> Source:
    """Opens a source of that kind; see `Kind.open_source`."""
    return _module(kind).open_source(settings)


def _of_recording(settings: msgspec.Struct) -> Declared:
    rate_hz: float | None = getattr(settings, "rate_hz", None)
    path, variable = Path(getattr(settings, "path", "")), getattr(settings, "variable", "")
    with contextlib.suppress(UserError, OSError, ValueError):  # told where the source is opened
        state = path.stat()
        declared = _by_file(path, variable, state.st_size, state.st_mtime_ns)
        return msgspec.structs.replace(declared, rate_hz=rate_hz or declared.rate_hz)
    return Declared(rate_hz, None)


@functools.lru_cache(maxsize=8)
def _by_file(path: Path, variable: str, size: int, changed_ns: int) -> Declared:
    """What the file says; it is asked several times until the source is open."""
    from agent.sources import recordings

    recording = recordings.describe(path, variable)
    return Declared(recording.rate_hz, recording.channels, recording.units)


def _module(kind: str) -> Kind:
    return cast(Kind, importlib.import_module(f"agent.sources.{_MODULES[kind]}"))
