"""A fresh Debian 12 with an ordinary user: debootstrap, a chroot, and this machine's network."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.boot.machine import bootstrapped

PACKAGES = "python3,python3-venv,git,make,ca-certificates"
USER, NUMBER = "newcomer", 1000
HOME = f"/home/{USER}"
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Computer:
    """`command` is what runs a shell line there as the user."""

    root: Path
    shared: tuple[Path, ...]  # folders of this machine that pip's configuration names

    @property
    def home(self) -> Path:
        return self.root / HOME[1:]

    def command(self, line: str, folder: str, network: bool) -> list[str]:
        """Without a network there is a loopback of its own, on which every port is free."""
        mounts = [f"mount -t proc proc {self.root}/proc", f"mount --rbind /dev {self.root}/dev"]
        mounts += [f"mount --bind {path} {self.root}{path}" for path in self.shared]
        mounts += [] if network else ["ip link set lo up"]
        settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        settings |= {"HOME": HOME, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        env = " ".join(shlex.quote(f"{name}={value}") for name, value in settings.items())
        user = f"chroot --userspec={NUMBER}:{NUMBER} --groups= {self.root} env -i {env}"
        inner = shlex.quote(f"cd {shlex.quote(folder)} && {line}")
        options = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        options += [] if network else ["--net"]
        return [
            "unshare",
            *options,
            "sh",
            "-ec",
            "; ".join([*mounts, f"exec {user} sh -c {inner}"]),
        ]

    def give(self, path: Path) -> None:
        """Makes the user the owner of a file or folder."""
        subprocess.run(["chown", "-R", f"{NUMBER}:{NUMBER}", path], check=True)


@contextmanager
def fresh() -> Iterator[Computer]:
    """A computer with that user, which is gone afterwards."""
    cache = bootstrapped("first-bookworm", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="drsn-first-") as folder:
        root = Path(folder) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", cache, root], check=True)
        add = ["chroot", str(root), "useradd", "--create-home", "--uid", str(NUMBER), USER]
        subprocess.run(add, check=True)
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        yield Computer(root, _shared(root))


def _shared(root: Path) -> tuple[Path, ...]:
    """Takes pip's configuration along; returns the folders that it names."""
    for name in PIP_FILES:
        if Path(name).is_dir():
            shutil.copytree(name, root / name[1:], dirs_exist_ok=True)
        elif Path(name).exists():
            shutil.copy(name, root / name[1:])
    listed = [sys.executable, "-m", "pip", "config", "list"]
    text = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    named = {Path(found) for found in re.findall(r"(?:file://|')(/[^\s']+)", text)}
    tops = sorted({Path(*path.parts[:3]) for path in named if path.is_dir()})
    for top in tops:
        (root / top.relative_to("/")).mkdir(parents=True, exist_ok=True)
    return tuple(tops)
