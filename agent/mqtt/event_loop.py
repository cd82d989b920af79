"""Drives a paho client from the thread that owns it: one wait, then what can be moved."""

import select
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

from agent.mqtt.wakeup import Wakeup

FINE = MQTTErrorCode.MQTT_ERR_SUCCESS


def pump(client: paho.Client, wakeup: Wakeup, timeout_s: float) -> MQTTErrorCode:
    """Waits up to `timeout_s` for the network or a wake, reads, writes, keeps alive.

    paho's callbacks are called meanwhile, and may close the client. Returns the first error.
    """
    sock: Any = client.socket()
    held = getattr(sock, "pending", int)()  # TLS: decrypted, so select does not see it
    wanting = [sock] if client.want_write() else []
    readable, writable, _ = select.select([sock, wakeup], wanting, [], 0.0 if held else timeout_s)
    wakeup.drain()
    code = client.loop_read() if held or sock in readable else FINE
    if code == FINE and writable and client.socket() is sock:
        code = client.loop_write()
    if code == FINE and client.socket() is sock:
        code = client.loop_misc()
    return code


def rest(wakeup: Wakeup, timeout_s: float) -> None:
    """Waits up to `timeout_s` for a wake."""
    select.select([wakeup], [], [], max(0.0, timeout_s))
    wakeup.drain()


def hang_up(client: paho.Client | None) -> None:
    """Closes its socket, without a word to the broker and without paho's callbacks."""
    sock = client.socket() if client is not None else None
    if sock is not None:
        sock.close()
