"""Runs a paho client in the thread that owns it: one wait, then all reads and writes."""

import select
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

from agent.mqtt.wakeup import Wakeup

SUCCESS = MQTTErrorCode.MQTT_ERR_SUCCESS


def run_once(client: paho.Client, wakeup: Wakeup, timeout_s: float) -> MQTTErrorCode:
    """Waits up to `timeout_s` for the network or a wake-up; reads, writes and keeps alive.

    paho calls its callbacks meanwhile, and they may close the client. Returns the first error.
    """
    sock: Any = client.socket()
    buffered = getattr(sock, "pending", int)()  # TLS: decrypted, so select does not see it
    writers = [sock] if client.want_write() else []
    readable, writable, _ = select.select(
        [sock, wakeup], writers, [], 0.0 if buffered else timeout_s
    )
    wakeup.drain()
    code = client.loop_read() if buffered or sock in readable else SUCCESS
    if code == SUCCESS and writable and client.socket() is sock:
        code = client.loop_write()
    if code == SUCCESS and client.socket() is sock:
        code = client.loop_misc()
    return code


def wait(wakeup: Wakeup, timeout_s: float) -> None:
    """Waits up to `timeout_s` for a wake-up."""
    select.select([wakeup], [], [], max(0.0, timeout_s))
    wakeup.drain()


def close_socket(client: paho.Client | None) -> None:
    """Closes the socket without a DISCONNECT and without paho's callbacks."""
    sock = client.socket() if client is not None else None
    if sock is not None:
        sock.close()
