"""What systemd does for a unit of Type=notify with Restart=always and WatchdogSec."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .world import RUN, Running, Tree, World

RESTART_S = 0.5  # RestartSec
WRONG_CONFIGURATION = 78  # RestartPreventExitStatus
STUCK_S = 120.0  # a process that waits for a disk ends only when the disk answers


@dataclass(frozen=True)
class End:
    """How a process ended: of itself with that code, or killed for a watchdog it did not feed."""

    at_s: float
    code: int
    missed_watchdog: bool
    reason: str  # the last line of its log


class Unit:
    """Starts an agent, kills it when it does not feed its watchdog, starts it when it ends."""

    def __init__(
        self,
        world: World,
        tree: Tree,
        watchdog_s: float,
        program: tuple[str, ...] = RUN,
        **environment: str,
    ) -> None:
        self.ends: list[End] = []
        self.agents: list[Running] = []
        self._stopping = threading.Event()
        self._watchdog_s = watchdog_s
        self._world, self._tree, self._program = world, tree, program
        self._environment = environment | {"WATCHDOG_USEC": str(round(watchdog_s * 1e6))}
        self.agents.append(self._begin())
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()
        world.stack.callback(self.stop)

    def _begin(self) -> Running:
        return self._world.start(self._tree, program=self._program, environment=self._environment)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self.agents[-1].lives:
            self.agents[-1].stopped_after_s()

    def _supervise(self) -> None:
        while not self._stopping.wait(0.02):
            agent = self.agents[-1]
            if agent.lives and not self._missed(agent):
                continue
            self.ends.append(self._end(agent))
            if self._stopping.wait(RESTART_S) or self.ends[-1].code == WRONG_CONFIGURATION:
                return
            self.agents.append(self._begin())

    def _missed(self, agent: Running) -> bool:
        """systemd counts from READY=1, and from each WATCHDOG=1 after it."""
        fed = agent.notes.when("READY=1") + agent.notes.when("WATCHDOG=1")
        return bool(fed) and time.monotonic() - max(fed) > self._watchdog_s

    def _end(self, agent: Running) -> End:
        missed = agent.lives
        if missed:
            os.kill(agent.process.pid, signal.SIGABRT)
        code = agent.wait(STUCK_S)
        return End(time.monotonic(), code, missed, _last_line(agent.log))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
