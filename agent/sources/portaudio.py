"""PortAudio by sounddevice: loaded when it is needed, its list of devices kept fresh.

PortAudio looks for devices once, when it is initialised; what is plugged in later shows only after
it has been terminated, which breaks every open stream. So it is initialised anew before a stream
is opened while there is no other; where there is another and sound cards have come or gone, all
are asked to close (`Lease.recalled`).
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.core.errors import ConfigError
from agent.core.types import SourceError

CARDS = Path("/proc/asound/cards")

_lock = threading.Lock()
_leases: list["Lease"] = []
_cards = ""  # as they were when PortAudio looked


@dataclass(eq=False)
class Lease:
    """A stream that is open."""

    stream: Any
    recalled: bool = False  # it should be closed, so that devices can be looked for

    def close(self) -> None:
        with _lock:
            if self in _leases:
                _leases.remove(self)
                self.stream.close(ignore_errors=True)


@dataclass(frozen=True)
class Input:
    """A device that samples come from."""

    index: int
    name: str
    api: str
    channels: int
    rate_hz: float


def load() -> Any:
    """The module sounddevice; `ConfigError` where a package is missing."""
    try:
        import sounddevice
    except ImportError:
        raise ConfigError("sound needs sounddevice: pip install 'drsn-agent[mic]'") from None
    except OSError:
        raise ConfigError("sound needs the library PortAudio: apt install libportaudio2") from None
    return sounddevice


def inputs() -> list[Input]:
    """The devices that PortAudio knows of and samples can come from."""
    sd = load()
    apis = [each["name"] for each in sd.query_hostapis()]
    return [
        Input(
            each["index"],
            each["name"],
            apis[each["hostapi"]],
            each["max_input_channels"],
            each["default_samplerate"],
        )
        for each in sd.query_devices()
        if each["max_input_channels"] > 0
    ]


def open_stream(make: Callable[[Any], Any]) -> Lease:
    """Starts the stream that `make(sounddevice)` gives; `SourceError` where that cannot be."""
    sd = load()
    with _lock:
        _look(sd)
        try:
            stream = make(sd)
            stream.start()
        except sd.PortAudioError as error:
            raise SourceError(f"cannot be opened: {why(error)}") from None
        lease = Lease(stream)
        _leases.append(lease)
        return lease


def why(error: Exception) -> str:
    """PortAudio's complaint without its codes."""
    return re.sub(
        r"^Error opening \w+: |(?<=\S) \[\w+ error -?\d+\]| \[PaErrorCode -?\d+\]", "", str(error)
    )


def _look(sd: Any) -> None:
    """Brings the list of devices up to date."""
    global _cards
    cards = CARDS.read_text() if CARDS.is_file() else ""
    if not _leases:
        sd._terminate()
        sd._initialize()
        _cards = cards
    elif cards != _cards:
        for lease in _leases:
            lease.recalled = True
        raise SourceError("waits for other microphones to close, to look for devices anew")
