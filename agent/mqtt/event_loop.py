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
    writes = select.POLLOUT if client.want_write() else 0
    timeout_s = 0.0 if buffered else timeout_s
    ready = _poll(
        timeout_s, {sock.fileno(): select.POLLIN | writes, wakeup.fileno(): select.POLLIN}
    )
    wakeup.drain()
    events = ready.get(sock.fileno(), 0)
    code = _read(client, sock) if buffered or events & ~select.POLLOUT else SUCCESS
    if code == SUCCESS and events & select.POLLOUT and client.socket() is sock:
        code = client.loop_write()
    if code == SUCCESS and client.socket() is sock:
        code = client.loop_misc()
    return code


def wait(wakeup: Wakeup, timeout_s: float) -> None:
    """Waits up to `timeout_s` for a wake-up."""
    _poll(max(0.0, timeout_s), {wakeup.fileno(): select.POLLIN})
    wakeup.drain()


def _read(client: paho.Client, sock: Any) -> MQTTErrorCode:
    """Reads a packet; of a WebSocket's frame, which may hold several, all that has arrived."""
    code = client.loop_read()
    position = 0
    while code == SUCCESS and client.socket() is sock:
        before, position = position, getattr(sock, "_payload_head", 0)
        if position in (0, before):
            break
        code = client.loop_read()
    return code


def _poll(timeout_s: float, events: dict[int, int]) -> dict[int, int]:
    """What has happened by file descriptor, of any number: `select.select` ends at 1024."""
    poll = select.poll()
    for fileno, mask in events.items():
        poll.register(fileno, mask)
    return dict(poll.poll(1000 * timeout_s))


def close_socket(client: paho.Client | None) -> None:
    """Closes the socket without a DISCONNECT and without paho's callbacks."""
    sock = client.socket() if client is not None else None
    if sock is not None:
        sock.close()
