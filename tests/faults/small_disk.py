"""A filesystem of its own, which may be full or frozen."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .outcome import Skip


@contextlib.contextmanager
def small_disk(at: Path, mib: int) -> Iterator[None]:
    """A filesystem of its own in an image file."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin"):
        raise Skip("needs root and e2fsprogs")
    image = at.with_suffix(".img")
    image.write_bytes(bytes(mib << 20))
    at.mkdir()
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    try:
        for command in (
            ["mkfs.ext4", "-q", str(image)],
            ["mount", "-o", "loop", str(image), str(at)],
        ):
            subprocess.run(command, check=True, capture_output=True, env=environment)
    except subprocess.CalledProcessError as error:
        raise Skip(f"no loop filesystem here: {error.stderr.decode().strip()}") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)
