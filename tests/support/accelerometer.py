"""`python accelerometer.py KIND RATE_HZ SCALE COMMAND ...`: runs it beside an IIO accelerometer.

The kernel's side of it is made of files: attributes in a sysfs of its own, and a FIFO in place of
the character device, which gets what comes on standard input. They lie in a mount namespace that
nobody else sees (needs root). What reads them, libiio and iiod, is real. `KIND`: polled (without
a buffer, as the ADXL345 in kernels before 6.15), buffered.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

SYSFS = Path("/sys/bus/iio/devices/iio:device0")
FIFO = Path("/dev/iio:device0")
CLONE_NEWNS = 0x20000  # unshare(2)
KEPT = ("null", "zero", "full", "random", "urandom")
IIOD = shutil.which("iiod") or shutil.which("iiod", path="/usr/sbin:/usr/local/sbin")


def beside(kind: str, rate_hz: float, scale: float, *command: str) -> list[str]:
    """What runs the command where such an accelerometer is."""
    return [sys.executable, __file__, kind, f"{rate_hz:g}", repr(scale), *command]


def missing() -> str | None:
    """Why there can be none here."""
    if IIOD is None:
        return "needs iiod (apt-get install iiod)"
    done = subprocess.run(beside("polled", 1, 1.0, "true"), capture_output=True, check=False)
    return "needs root, for a sysfs of its own" if done.returncode else None


def _own_mounts() -> None:
    """Whatever is mounted from here on, only this process and its children see.

    Nothing may be mounted where this fails: /dev is everybody's.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mounts of our own")
    if Path("/proc/self/ns/mnt").readlink() == Path(f"/proc/{os.getppid()}/ns/mnt").readlink():
        raise RuntimeError("still in the mount namespace of others")
    _mount("--make-rprivate", "/")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _own_dev() -> None:
    """A /dev with the usual files, in which ours cannot be seen from outside."""
    old = Path("/sys/bus/dev")
    old.mkdir()
    _mount("--rbind", "/dev", str(old))
    _mount("-t", "tmpfs", "none", "/dev")
    for name in KEPT:
        Path("/dev", name).touch()
        _mount("--bind", str(old / name), f"/dev/{name}")


def _write(values: dict[str, object]) -> None:
    for name, value in values.items():
        file = SYSFS / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")


def _make(buffered: bool, rate_hz: str, scale: str) -> None:
    _mount("-t", "tmpfs", "none", "/sys/bus")
    _write({"name": "adxl345", "in_accel_scale": scale, "in_accel_sampling_frequency": rate_hz})
    for index, axis in enumerate("xyz"):
        _write({f"in_accel_{axis}_raw": 100 * index - 100, f"in_accel_{axis}_calibbias": 0})
        if buffered:
            scan = f"scan_elements/in_accel_{axis}"
            _write({f"{scan}_en": 0, f"{scan}_index": index, f"{scan}_type": "le:s16/16>>0"})
    if buffered:
        _write({"buffer/enable": 0, "buffer/length": 2})
    _own_dev()
    os.mkfifo(FIFO)


def _pump() -> None:
    """From standard input into the FIFO, which is opened so that it waits for no reader."""
    into = os.open(FIFO, os.O_RDWR)
    while data := os.read(0, 4096):
        os.write(into, data)


def main() -> int:
    kind, rate_hz, scale, *command = sys.argv[1:]
    _own_mounts()
    _make(kind == "buffered", rate_hz, scale)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.kill())
    threading.Thread(target=_pump, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
