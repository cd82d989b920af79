"""Another configuration while the agent runs: asked for by SIGHUP or a command, done by turns.

It is read and checked first; one with a mistake changes nothing. `agent.pipeline.topology` does
the rest.
"""

import collections
import logging
import time
from collections.abc import Callable

from agent.config.load import Config
from agent.core.errors import ConfigError
from agent.pipeline.topology import Topology
from agent.service.systemd import notify

Answer = Callable[..., None]  # answer(why=None, **fields of the result)

log = logging.getLogger("drsn")


class Reload:
    """`turn` is for the main thread; `ask` for any, and for signal handlers."""

    def __init__(
        self,
        reread: Callable[[], Config] | None,
        topology: Topology,
        announce: Callable[[], None],
    ) -> None:
        """`reread` gives the new configuration, or raises `ConfigError`; None: there is no file."""
        self.possible = reread is not None
        self._reread = reread
        self._topology = topology
        self._announce = announce
        self._asked: collections.deque[Answer | None] = collections.deque()

    def ask(self, answer: Answer | None = None) -> None:
        """`answer` is told what has become of it."""
        self._asked.append(answer)

    def turn(self) -> None:
        """Begins with what was asked for, or goes on with it."""
        if self._asked and self._topology.settled:
            self._begin()
        if self._topology.settle():
            self._announce()
            notify("READY=1")

    def _begin(self) -> None:
        answers = [self._asked.popleft() for _ in range(len(self._asked))]
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        why, changes = self._change()
        if self._topology.settled:
            notify("READY=1")
        for answer in answers:
            if answer is not None:
                answer(why, changes=changes)

    def _change(self) -> tuple[str | None, str | None]:
        """Why not, or what changes."""
        assert self._reread is not None
        try:
            changes = self._topology.change(self._reread()).describe()
        except ConfigError as error:
            log.error("reload refused, nothing changed: %s", error)
            return str(error), None
        log.info("reload: %s", changes)
        return None, changes
