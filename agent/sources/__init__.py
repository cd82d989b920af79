"""One file a kind of source: its `Options` (what may stand in the configuration) and `open_source`.

A kind is imported only when it is configured. A new one is a new file and its name here.
"""

import importlib
from typing import Protocol, cast

import msgspec

from agent.core import Source

KINDS = ("file", "iio", "mic", "mqtt", "serial", "stream", "synth", "udp")


class Kind(Protocol):
    """What such a module has."""

    Options: type[msgspec.Struct]

    def open_source(self, options: msgspec.Struct) -> Source:
        """The source, ready to be read; `ConfigError` for a mistake, `SourceError` else."""


def options(kind: str) -> type[msgspec.Struct]:
    """The options of that kind."""
    return _module(kind).Options


def open_source(kind: str, chosen: msgspec.Struct) -> Source:
    """Opens a source of that kind; see `Kind.open_source`."""
    return _module(kind).open_source(chosen)


def _module(kind: str) -> Kind:
    return cast(Kind, importlib.import_module(f"agent.sources.{kind}"))
