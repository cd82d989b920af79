"""`python3 holder.py tcp|udp PORT` or `lock FILE`: another process that has what the agent wants.

It tells systemd when it has it, and keeps it until it is stopped.
"""

import fcntl
import os
import socket
import sys
import threading
from pathlib import Path


def main() -> None:
    kind, what = sys.argv[1:]
    held: object
    if kind == "lock":
        held = Path(what).open("ab")  # noqa: SIM115 - until it is stopped
        fcntl.flock(held, fcntl.LOCK_EX)
    elif kind == "tcp":
        held = socket.create_server(("127.0.0.1", int(what)))
    else:
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held.bind(("127.0.0.1", int(what)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    threading.Event().wait()


if __name__ == "__main__":
    main()
