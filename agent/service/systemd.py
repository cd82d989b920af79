"""Notifies systemd of the process's state (sd_notify(3)); does nothing without systemd."""

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Sends e.g. "READY=1", "WATCHDOG=1" or "STOPPING=1" to the socket in $NOTIFY_SOCKET."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
        out.sendto(state.encode(), address)
