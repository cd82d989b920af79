"""Reads the configuration again while the agent runs, on SIGHUP or a command.

The new configuration is read and checked first; one with a mistake changes nothing.
`agent.pipeline.topology` carries out the change of sources.
"""

import logging
import time
from collections.abc import Callable

from agent.config.load import Config
from agent.core.errors import ConfigError, UserError
from agent.pipeline.topology import Topology
from agent.service.publisher import Publisher
from agent.service.reload_requests import ReloadRequests
from agent.service.systemd import notify

log = logging.getLogger("drsn")


class Reload:
    """Carries out requests, by turns of the main thread."""

    def __init__(
        self,
        requests: ReloadRequests,
        reread: Callable[[], Config] | None,
        topology: Topology,
        publisher: Publisher,
    ) -> None:
        """`reread` loads the configuration or raises `UserError`; None: there is no file."""
        self.requests = requests
        self.possible = reread is not None
        self._reread = reread or _no_file
        self._topology = topology
        self._publisher = publisher

    def turn(self) -> None:
        """Begins a reload that was requested, or continues the change of sources."""
        if self.requests and self._topology.settled:
            self._begin()
        if self._topology.settle():
            self._announce()

    def _begin(self) -> None:
        answers = self.requests.take()
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        why, changes = self._change()
        if self._topology.settled:
            self._announce()
        for answer in answers:
            if answer is not None:
                answer(why, changes=changes)

    def _announce(self) -> None:
        self._publisher.announce(self._topology.config)
        notify("READY=1")

    def _change(self) -> tuple[str | None, str | None]:
        """Returns why the reload was refused, and what it changes; one of them is None."""
        try:
            changes = self._topology.change(self._reread()).describe()
        except UserError as error:
            return self._refuse(str(error))
        except Exception as error:
            log.debug("reload", exc_info=True)
            return self._refuse(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        log.info("reload: %s", changes)
        return None, changes

    def _refuse(self, why: str) -> tuple[str, None]:
        log.error("reload refused, nothing changed: %s", why)
        return why, None


def _no_file() -> Config:
    raise ConfigError("there is no configuration file to read again")
