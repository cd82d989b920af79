"""A fresh Debian that boots in a container: debootstrap, systemd-nspawn, no network but its own."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.paths import PROJECT

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "systemd,systemd-sysv,dbus,python3,adduser,mosquitto,mosquitto-clients,iproute2"
BUILD = PROJECT / "build"
ALONE = ("--private-network", "--console=pipe", "--register=no", "--keep-unit")
BOOT_S = 180.0


@dataclass
class Machine:
    """A booted container; `run` is a shell in it, whose every line is kept for the transcript."""

    root: Path
    nspawn: subprocess.Popen[bytes] | None = None  # while it runs
    leader: int = 0  # process id, outside, of its first process
    transcript: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)  # lines of the step's table, if it has one

    def ask(self, line: str, check: bool = False) -> str:
        """What a shell line in the container says, both outputs together."""
        command = ["nsenter", "--all", "--target", str(self.leader)]
        command += ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        done = subprocess.run(
            [*command, "DEBIAN_FRONTEND=noninteractive", "sh", "-c", f"cd /root; {line}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=check,
        )
        return done.stdout.strip()

    def show(self, line: str) -> str:
        """As `ask`, and into the transcript."""
        said = self.ask(line)
        self.transcript.append(f"$ {line}" + (f"\n{said}" if said else ""))
        return said

    def boot(self) -> None:
        """Starts it, and waits until its systemd has started everything."""
        nspawn = subprocess.Popen(
            [
                "systemd-nspawn",
                "-q",
                f"-D{self.root}",
                "--register=no",
                "--keep-unit",
                *ALONE,
                "-b",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.nspawn = nspawn
        # nspawn's first child only makes the one that stays: the container's first process.
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")

        def up() -> bool:
            if nspawn.poll() is not None:
                raise RuntimeError(f"systemd-nspawn ended with {nspawn.returncode}")
            self.leader = int((children.read_text().split() or ["0"])[0])
            state = self.ask("systemctl is-system-running") if self.leader else ""
            return state in ("running", "degraded")

        self.until(up, BOOT_S)

    def reboot(self) -> None:
        """Ends everything in good order, and boots again."""
        assert self.nspawn is not None
        self.show("systemctl reboot")
        self.nspawn.wait(BOOT_S)  # by that: who started it is to start it again
        self.boot()

    def power_off(self) -> None:
        if self.nspawn is not None:
            self.nspawn.terminate()
            self.nspawn.wait(30)

    def until(self, happened: Callable[[], bool], within_s: float) -> float:
        """Seconds until it was so; `TimeoutError` where it never was."""
        began_s = time.monotonic()
        while not happened():
            if time.monotonic() - began_s > within_s:
                raise TimeoutError(f"not within {within_s:g} s")
            time.sleep(0.05)
        return time.monotonic() - began_s


@contextmanager
def booted() -> Iterator[Machine]:
    """A machine of its own, which is gone afterwards."""
    cache = bootstrapped(f"boot-{SUITE}", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="drsn-boot-") as folder:
        root = Path(folder) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(cache), str(root)], check=True)
        machine = Machine(root)
        try:
            machine.boot()
            yield machine
        finally:
            machine.power_off()


def bootstrapped(name: str, packages: str, *options: str, suite: str = SUITE) -> Path:
    """A minimal Debian with those packages, made once and kept below `build`."""
    cache = BUILD / name
    if not cache.is_dir():
        half = cache.with_name(f"{name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={packages}", *options]
        subprocess.run([*command, suite, str(half), MIRROR], check=True, stdout=subprocess.DEVNULL)
        half.rename(cache)
    return cache
