"""PortAudio by sounddevice: loaded when it is needed, with an up-to-date list of devices.

PortAudio lists the devices once, when it is initialised. A device that is plugged in later is
listed only after PortAudio has been terminated, which breaks every open stream. So it is
initialised again before a stream is opened, while no other is open. Where another is open and
sound cards have changed, all streams are asked to close (`Lease.recalled`).
"""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.core import extras
from agent.core.errors import UserError
from agent.core.types import SourceError

CARDS = Path("/proc/asound/cards")

_lock = threading.Lock()
_leases: list["Lease"] = []
_cards = ""  # as they were when PortAudio was initialised


class Lease(msgspec.Struct, eq=False):
    """An open stream."""

    stream: Any
    recalled: bool = False  # it should be closed, so that devices can be listed again

    def close(self) -> None:
        with _lock:
            if self in _leases:
                _leases.remove(self)
                self.stream.close(ignore_errors=True)


class Input(msgspec.Struct, frozen=True):
    """An input device."""

    index: int
    name: str
    api: str
    channels: int
    rate_hz: float


def load() -> Any:
    """The module sounddevice; `UserError` where a package is missing."""
    try:
        import sounddevice
    except ImportError:
        raise UserError(f"sound needs sounddevice: {extras.install('mic')}") from None
    except OSError:
        raise UserError("sound needs the library PortAudio: apt install libportaudio2") from None
    return sounddevice


def inputs() -> list[Input]:
    """The input devices on PortAudio's list."""
    sd = load()
    apis = [api["name"] for api in sd.query_hostapis()]
    return [
        Input(
            device["index"],
            device["name"],
            apis[device["hostapi"]],
            device["max_input_channels"],
            device["default_samplerate"],
        )
        for device in sd.query_devices()
        if device["max_input_channels"] > 0
    ]


def open_stream(make: Callable[[Any], Any]) -> Lease:
    """Starts the stream that `make(sounddevice)` returns; `SourceError` where it cannot."""
    sd = load()
    with _lock:
        _refresh(sd)
        try:
            stream = make(sd)
            stream.start()
        except sd.PortAudioError as error:
            raise SourceError(f"cannot be opened: {why(error)}") from None
        lease = Lease(stream)
        _leases.append(lease)
        return lease


def why(error: Exception) -> str:
    """PortAudio's error text without its codes."""
    return re.sub(
        r"^Error opening \w+: |(?<=\S) \[\w+ error -?\d+\]| \[PaErrorCode -?\d+\]", "", str(error)
    )


def _refresh(sd: Any) -> None:
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
        raise SourceError("waits until other microphones have closed, to renew the list of devices")
