"""`python -m tests.boot.emulated PACKAGE_arm64.deb [RECORDING]`: the other kind of box, emulated.

As root, with debootstrap and qemu-user-static. The package is installed in a Debian of its own
architecture; its agent scores a recording there, and speaks with a broker here. Each window is
held against what this machine's agent says of it. Speed, and systemd, are not looked at.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Broker, free_port

from .machine import SUITE, bootstrapped

PACKAGES = "python3,adduser"
HANDLER = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
QEMU = "/usr/bin/qemu-aarch64-static"
REGISTERED = (  # ELF of 64 bits for that processor; F: QEMU is opened here, not in the chroot
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    f":{QEMU}:F"
)
START = ("--start", "2026-01-01T00:00:00Z")
CONFIG = """\
agent: {{id: emulated}}
mqtt: {{port: {port}}}
sources:
  - {{name: simulated, kind: synth, model: bearing, repeat: true, publish_windows: true}}
"""
WINDOWS = 20

Window = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("recording", type=Path, nargs="?", help="one channel; none: simulated")
    chosen = parser.parse_args()
    if "ALONE" not in os.environ:  # what is mounted for this is nobody else's
        alone = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            sys.executable,
            "-m",
            __spec__.name,
        ]
        return subprocess.run([*alone, *sys.argv[1:]], env={**os.environ, "ALONE": "1"}).returncode
    with installed(chosen.package) as root:
        said = subprocess.run(["chroot", root, "uname", "-m"], capture_output=True, text=True)
        print(f"{chosen.package.name} in Debian {SUITE}, {said.stdout.strip()}")
        heard = chosen.recording or _simulated(root)
        good = [compared(root, heard, name) for name in ("bearing", "bearing-orders")]
        return 0 if all([*good, delivered(root)]) else 1


@contextmanager
def installed(package: Path) -> Iterator[Path]:
    """A Debian of the package's architecture with it; what is run below it is emulated."""
    if not HANDLER.exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "none", str(HANDLER.parent)], check=True)
    if not HANDLER.exists():
        (HANDLER.parent / "register").write_text(REGISTERED)
    arch = subprocess.check_output(["dpkg-deb", "-f", package, "Architecture"], text=True).strip()
    cache = bootstrapped(f"boot-{SUITE}-{arch}", PACKAGES, f"--arch={arch}")
    with tempfile.TemporaryDirectory(prefix="drsn-emulated-") as folder:
        root = Path(folder) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", cache, root], check=True)
        shutil.copy(package, root / "root" / "drsn-agent.deb")
        install = ["chroot", str(root), "dpkg", "-i", "/root/drsn-agent.deb"]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-t", "proc", "-o", "ro", "none", root / "proc"], check=True)
        try:  # no /sys: it tells of this machine's processor, which ONNX Runtime takes for its own
            yield root
        finally:
            subprocess.run(["umount", root / "proc"], check=True)


def _simulated(root: Path) -> Path:
    """Eight seconds of a machine whose bearing breaks."""
    record = [
        sys.executable,
        "-m",
        "agent",
        "record",
        "--source",
        "synth",
        "--set",
        "model=bearing",
    ]
    record += ["--label", "simulated", "--seconds", "8", str(root.parent / "recorded")]
    subprocess.run(record, check=True, stdout=subprocess.DEVNULL)
    (made,) = (root.parent / "recorded").glob("*.wav")
    return made


def compared(root: Path, recording: Path, model: str) -> bool:
    """Whether both machines say the same of every window; told in a line."""
    shutil.copy(recording, root / "root" / recording.name)
    there = _scored(["chroot", str(root), "drsn-agent"], f"/root/{recording.name}", model)
    here = _scored([sys.executable, "-m", "agent"], str(recording), model)
    same = sum(a["label"] == b["label"] for a, b in zip(here, there, strict=True))
    decided = sum(a["decision"] == b["decision"] for a, b in zip(here, there, strict=True))
    off = max(_apart(a, b) for a, b in zip(here, there, strict=True))
    print(
        f"{model}: {len(here)} windows, the same label in {same}, the same decision in {decided}; "
        f"probabilities at most {off:.6f} apart"
    )
    return len(here) > 0 and same == decided == len(here)


def _scored(agent: list[str], recording: str, model: str) -> list[Window]:
    command = [*agent, "replay", recording, "--model", model, *START]
    lines = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).splitlines()
    records = [json.loads(line) for line in lines]
    return [each for each in records if each["schema"].startswith("drsn-window/")]


def _apart(one: Window, other: Window) -> float:
    ours, theirs = one["probabilities"], other["probabilities"]
    return max(abs(float(ours[name]) - float(theirs[name])) for name in ours)


def delivered(root: Path) -> bool:
    """Whether the daemon delivers windows over MQTT and stops in good order."""
    port = free_port()
    (root / "root" / "config.yaml").write_text(CONFIG.format(port=port))
    broker = Broker(root, port).start()
    command = ["chroot", str(root), "drsn-agent", "run", "--config", "/root/config.yaml"]
    daemon = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
    try:
        hear = ["mosquitto_sub", "-p", str(port), "-t", "drsn/+/+/window", "-C", str(WINDOWS)]
        heard = subprocess.run([*hear, "-W", "120"], capture_output=True, text=True)
        daemon.terminate()
        code = daemon.wait(60)
    finally:
        daemon.kill()
        broker.stop()
    got = len(heard.stdout.splitlines())
    print(f"daemon: {got} windows heard over MQTT, then stopped with {code}")
    return got == WINDOWS and code == 0


if __name__ == "__main__":
    sys.exit(main())
