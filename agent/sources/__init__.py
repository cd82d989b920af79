"""One file a kind of source: its `Options` (what may stand in the configuration) and `open_source`.

A kind is imported only when it is configured. A new one is a new file and its name here.
"""

import importlib
from typing import Protocol, cast

import msgspec

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

LOCAL = ("iio", "mic", "serial")  # may be plugged in at any moment, and are quickly looked for
LOCAL_S, REMOTE_S = 2.0, 30.0  # the longest wait from one look for a missing one to the next


class Kind(Protocol):
    """What such a module has."""

    Options: type[msgspec.Struct]

    def open_source(self, options: msgspec.Struct) -> Source:
        """The source, ready to be read; `ConfigError` for a mistake, `SourceError` else."""


def options(kind: str) -> type[msgspec.Struct]:
    """The options of that kind."""
    return _module(kind).Options


def longest_s(kind: str) -> float:
    """How long to wait at most before a source of that kind is opened again."""
    return LOCAL_S if kind in LOCAL else REMOTE_S


def open_source(kind: str, chosen: msgspec.Struct) -> Source:
    """Opens a source of that kind; see `Kind.open_source`."""
    return _module(kind).open_source(chosen)


def _module(kind: str) -> Kind:
    return cast(Kind, importlib.import_module(f"agent.sources.{_MODULES[kind]}"))
