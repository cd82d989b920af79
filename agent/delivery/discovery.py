"""Home Assistant discovery that stays correct over restarts and changed configurations.

The state directory remembers every topic on which a device was ever described. A device that is no
longer configured is removed by an empty message on its topic, sent after every connect.
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
    """The messages for after every connect, and for when Home Assistant has started."""

    def __init__(self, state_dir: Path, configs: Sequence[Message]) -> None:
        """`configs` is empty where Home Assistant is not configured (any more)."""
        self._file = state_dir / FILE
        self._wanted = bool(configs)
        self._describe(configs)

    def renew(self, configs: Sequence[Message]) -> None:
        """Describes the sources again after they changed."""
        if self._wanted:
            self._describe(configs)

    def _describe(self, configs: Sequence[Message]) -> None:
        earlier = _read(self._file)
        topics = {config.topic for config in configs}
        self._messages = [*map(homeassistant.removal, sorted(earlier - topics)), *configs]
        if not topics <= earlier:
            _write(self._file, earlier | topics)

    def messages(self) -> list[Message]:
        return self._messages

    def on_status(self, _topic: str, payload: bytes, _retained: bool) -> list[Message]:
        """Answers a message on `homeassistant/status`."""
        return self._messages if payload == b"online" else []


def _read(file: Path) -> set[str]:
    try:
        return set(json_input.decode(files.read(file, json_input.MAX_BYTES), list[str]))
    except FileNotFoundError:
        return set()
    except (OSError, json_input.JsonError) as error:
        aside = files.set_aside(file)
        log.warning("%s: %s, %s: removed devices may stay in Home Assistant", file, error, aside)
        return set()


def _write(file: Path, topics: set[str]) -> None:
    try:
        files.write(file, msgspec.json.encode(sorted(topics)))
    except OSError as error:
        log.warning(
            "%s: cannot be written, removed devices may stay in Home Assistant: %s",
            file,
            error.strerror,
        )
