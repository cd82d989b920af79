"""`python3 feeder.py fifo|serial|udp WHERE`: a sensor on the box, 10,000 samples a second.

It runs inside the machine, with nothing but Python's own library.
"""

import os
import random
import shutil
import socket
import struct
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path

RATE_HZ, PIECE = 10_000, 200  # samples
FRAME = struct.Struct("<2sBBBBHI")  # docs/SENSORS.md: one channel of int16

Give = Callable[[int, list[int]], object]  # the first sample's index, and the samples


def main() -> None:
    kind, where = sys.argv[1:]
    give, first = OPEN[kind](where), 0
    due_s = time.monotonic()
    while True:
        give(first, [round(random.gauss(0, 2000)) for _ in range(PIECE)])
        first += PIECE
        due_s += PIECE / RATE_HZ
        time.sleep(max(0.0, due_s - time.monotonic()))


def _fifo(path: str) -> Give:
    os.mkfifo(path)
    Path(path).chmod(0o644)
    out = Path(path).open("wb", buffering=0)  # noqa: SIM115 - for ever
    return lambda _, samples: out.write(_packed(samples))


def _serial(path: str) -> Give:
    """The near end of a line whose far end has that name, as udev would give it."""
    near, far = os.openpty()
    tty.setraw(far)
    port = Path(os.ttyname(far))
    shutil.chown(port, "root", "dialout")
    port.chmod(0o660)
    Path(path).symlink_to(port)
    out = os.fdopen(near, "wb")
    return lambda _, samples: out.write("".join(f"{sample}\n" for sample in samples).encode())


def _udp(port: str) -> Give:
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    head = (b"DS", 1, 1, 1, 0, PIECE)
    return lambda first, samples: out.sendto(
        FRAME.pack(*head, first) + _packed(samples), ("127.0.0.1", int(port))
    )


def _packed(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


OPEN: dict[str, Callable[[str], Give]] = {"fifo": _fifo, "serial": _serial, "udp": _udp}

if __name__ == "__main__":
    main()
