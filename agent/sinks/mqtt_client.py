"""A paho client as the configuration wants it: protocol, last will, credentials, TLS, socket."""

import contextlib
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config import Mqtt, Tls
from agent.core import Message

CONNECT_S = 4.0
USER_TIMEOUT_MS = 5000  # a peer that does not acknowledge TCP for so long is gone

log = logging.getLogger("drsn.mqtt")


def make(settings: Mqtt, client_id: str, will: Message | None) -> paho.Client:
    """A client for one connection; files that it needs are read now, so that they may change."""
    modern = settings.version == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if modern else True,
        protocol=paho.MQTTv5 if modern else paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_S
    client.max_inflight_messages_set(100)  # never reached: the sender keeps its own window
    if will is not None:
        client.will_set(will.topic, will.payload, 1, will.retain)
    if settings.username is not None:
        client.username_pw_set(settings.username, _password(settings))
    if settings.tls is not None:
        client.tls_set_context(_tls(settings.tls))
        client.tls_insecure_set(settings.tls.insecure)
    client.on_socket_open = _notice_dead_peers
    return client


def _password(settings: Mqtt) -> str | None:
    if settings.password_file is None:
        return None
    return Path(settings.password_file).read_text(encoding="utf-8").rstrip("\r\n")


def _tls(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    if tls.insecure:
        log.warning("mqtt.tls.insecure: the broker's certificate is not checked")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _notice_dead_peers(_client: paho.Client, _data: object, sock: Any) -> None:
    """A cable that was pulled is noticed in seconds, not after two keepalives."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
