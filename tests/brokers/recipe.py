"""How one broker is started, and one that runs."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import eventually, free_port

START_S = 90.0  # some are written in Java or Erlang


@dataclass(frozen=True)
class Recipe:
    """A broker: its name for the table, and where its program comes from."""

    name: str
    origin: str
    version: Callable[[], str]
    speaks: tuple[str, ...]  # versions of MQTT
    command: Callable[[Path, int], list[str]]  # its folder, and the port on loopback
    folder: Callable[[Path], Path] = lambda scratch: scratch  # where it may keep files
    settings: str = ""  # what is set, beside the listener
    login: tuple[str, str] | None = None  # user name and password


@dataclass
class RunningBroker:
    """One that is started and killed on the same port, and keeps its files in between."""

    recipe: Recipe
    scratch: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.folder = self.recipe.folder(self.scratch)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def start(self) -> "RunningBroker":
        command = self.recipe.command(self.folder, self.port)
        with (self.scratch / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder
            )
        eventually(self._listens, START_S, f"{self.recipe.name} listens")
        return self

    def kill(self) -> None:
        """As a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "RunningBroker":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.recipe.name} ended with {self.process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
