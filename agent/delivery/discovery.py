"""Keeps Home Assistant's picture of this agent true, over restarts and changed configurations.

Every topic on which a device was ever described is remembered in the state directory, so that one
that is no longer configured can be taken away: its topic is emptied on every connect from then on.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.core import files, json_input
from agent.core.types import Message
from agent.messages import homeassistant

FILE = "home-assistant.json"

log = logging.getLogger("drsn.homeassistant")


class Discovery:
    """What to say after every connect, and whenever Home Assistant has started."""

    def __init__(self, state_dir: Path, configs: Sequence[Message]) -> None:
        """`configs` is empty where Home Assistant is not wanted (any more)."""
        self._file = state_dir / FILE
        self._wanted = bool(configs)
        self._describe(configs)

    def renew(self, configs: Sequence[Message]) -> None:
        """Sources have come or gone."""
        if self._wanted:
            self._describe(configs)

    def _describe(self, configs: Sequence[Message]) -> None:
        known = _read(self._file)
        topics = {each.topic for each in configs}
        self._messages = [*map(homeassistant.removal, sorted(known - topics)), *configs]
        if not topics <= known:
            _write(self._file, known | topics)

    def messages(self) -> list[Message]:
        return self._messages

    def heard(self, _topic: str, payload: bytes, _retained: bool) -> list[Message]:
        """On `homeassistant/status`."""
        return self._messages if payload == b"online" else []


def _read(file: Path) -> set[str]:
    try:
        return set(json_input.decode(file.read_bytes(), list[str]))
    except FileNotFoundError:
        return set()
    except (OSError, json_input.JsonError) as error:
        log.warning("%s: cannot be read, devices that are gone may stay: %s", file, error)
        return set()


def _write(file: Path, topics: set[str]) -> None:
    try:
        files.write(file, msgspec.json.encode(sorted(topics)))
    except OSError as error:
        log.warning("%s: cannot be written, devices that go may stay: %s", file, error.strerror)
