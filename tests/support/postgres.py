"""A real PostgreSQL of a test's own: its own directory, loopback, not as root."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

ACCOUNT = "postgres"  # that the server runs as where we are root, as it refuses to be that
MEMORY = Path("/dev/shm")  # where there is one: nothing here has to survive the machine


def binaries() -> Path | None:
    """Where Debian keeps the server's programs, or they are in the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = packaged[-1] if packaged else shutil.which("initdb")
    return None if path is None else Path(path).parent


def needed() -> None:
    """Skips where there is no PostgreSQL; in CI, where it is to be installed, fails."""
    if binaries() is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("postgresql is not installed: see the Makefile's target `packages`")
    pytest.skip("needs postgresql (apt-get install postgresql)")


class Postgres:
    """A server that can be stopped and started on the same port."""

    def __init__(self, folder: Path, settings: tuple[str, ...]) -> None:
        self.port = _free_port()
        self._folder = folder / "data"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        how = ("--auth=trust", "--username=drsn", "--no-sync", "--encoding=UTF8", "--locale=C")
        self._run("initdb", *how, "-D", str(self._folder))

    def start(self) -> "Postgres":
        options = (f"port={self.port}", "listen_addresses=127.0.0.1", *self._settings)
        folder = self._folder.parent
        flags = [part for option in options for part in ("-c", option)]
        command = [_program("postgres"), "-D", str(self._folder), "-k", str(folder), *flags]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=_account())
        deadline_s = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < deadline_s, (folder / "log").read_text()
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """As `pg_ctl stop -m immediate`: no farewell to anybody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://drsn@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """A new database; its URL."""
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(), connect_timeout=2).close()
            return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        command = [_program(program), *arguments]
        done = subprocess.run(command, capture_output=True, user=_account(), check=False)
        assert done.returncode == 0, done.stderr.decode()


@contextlib.contextmanager
def server(*settings: str) -> Iterator[Postgres]:
    """A running server in a folder that goes with it. Not below pytest's, which is root's alone."""
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="drsn-pg-", dir=memory) as folder:
        postgres = Postgres(Path(folder), settings or ("fsync=off",)).start()
        try:
            yield postgres
        finally:
            postgres.stop()


def _program(name: str) -> str:
    folder = binaries()
    assert folder is not None
    return str(folder / name)


def _account() -> str | None:
    return ACCOUNT if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
