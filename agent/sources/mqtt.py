"""Frames (`agent.sources.sensor_nodes.frames`) that a sensor node publishes, one per message.

The source has its own connection (MQTT 3.1.1, which every broker supports) without a session:
frames that are published while it is away are a gap. Retained messages are old, and are ignored.
"""

import collections
import secrets
import time
from typing import Annotated, Any, Literal

import msgspec
import paho.mqtt.client as paho

from agent.core import credentials
from agent.core.annotated import Interleaved, Port, RateHz
from agent.core.errors import ConditionError
from agent.core.types import Block, Format, SourceError
from agent.mqtt import client as mqtt_client
from agent.mqtt.event_loop import close_socket
from agent.mqtt.settings import Mqtt, Tls, check_host
from agent.sources import readable
from agent.sources.sensor_nodes.receiver import Receiver

WAIT_S = 0.2
GATHER_S = 0.05  # how long frames may wait in the socket
CONNECT_S = 2.0  # for TCP and TLS, and once more for the broker's answers
KEEPALIVE_S = 15
HINTS = dict.fromkeys((0x86, 0x87), ": see this source's username and password_file")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: mqtt`."""

    rate_hz: RateHz
    topic: Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00]+$")]  # one node's, no wildcards
    host: str = "127.0.0.1"
    port: Port = 1883
    qos: Literal[0, 1] = 0
    username: str | None = None
    password_file: str | None = None
    tls: Tls | None = None
    dtype: Literal["int16", "int32", "float32"] = "int16"
    interleaved: Interleaved = 1  # channels in each frame


class MqttSource:
    """Runs a client in the reading thread; its callbacks only store what they receive."""

    def __init__(self, options: Options, client: paho.Client) -> None:
        self._receiver = Receiver(options.rate_hz, options.dtype, options.interleaved)
        self._client = client
        self.gathers_s = GATHER_S
        self.more = False
        self._payloads: collections.deque[bytes] = collections.deque()
        self._refusal: str | None = None  # the broker's
        self._subscribed = False
        self._topic, self._qos = options.topic, options.qos
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message

    @property
    def format(self) -> Format:
        return self._receiver.format

    def await_subscription(self) -> None:
        """Waits until the broker has accepted the subscription; `SourceError` where it does not."""
        give_up_s = time.monotonic() + CONNECT_S
        while not self._subscribed:
            self._wait()
            self._drive()
            if time.monotonic() > give_up_s:
                raise SourceError("the broker does not answer")

    def fileno(self) -> int:
        sock = self._client.socket()
        return -1 if sock is None else int(sock.fileno())

    def read(self) -> Block:
        block = self.take()
        if len(block.samples) or self.more:
            return block
        self._wait()
        return self.take()

    def take(self) -> Block:
        block = self._receiver.take(time.monotonic())
        if not len(block.samples):
            self._drive()
            while self._payloads:
                self._receiver.put(self._payloads.popleft(), time.monotonic())
            block = self._receiver.take(time.monotonic())
        self.more = len(block.samples) > 0 or self._buffered
        return block

    @property
    def refusal(self) -> str | None:
        return self._receiver.refusals.text

    def close(self) -> None:
        """Drops the callbacks, which refer to this source, so that the sockets close at once."""
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None
        self._client.disconnect()
        self._client.loop(0)
        close_socket(self._client)

    @property
    def _buffered(self) -> bool:
        """Whether TLS has decrypted what a poll of its socket does not show."""
        return bool(getattr(self._client.socket(), "pending", int)())

    def _wait(self) -> None:
        if not self._buffered:
            readable.wait(self.fileno(), WAIT_S)

    def _drive(self) -> None:
        """Reads what is there, writes answers and keeps alive; waits for nothing."""
        code = self._client.loop_read()
        if code == paho.MQTT_ERR_SUCCESS and self._client.want_write():
            code = self._client.loop_write()
        if code == paho.MQTT_ERR_SUCCESS:
            code = self._client.loop_misc()
        if code == paho.MQTT_ERR_SUCCESS and self._client.socket() is None:
            code = paho.MQTT_ERR_KEEPALIVE
        if self._refusal is not None:
            raise SourceError(self._refusal)
        if code != paho.MQTT_ERR_SUCCESS:
            raise SourceError(f"lost the broker: {paho.error_string(code).rstrip('.')}")

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._refusal = f"refused by the broker: {code}{HINTS.get(code.value, '')}"
        else:
            client.subscribe(self._topic, self._qos)

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: Any, codes: Any, _p: Any
    ) -> None:
        failed = [code for code in codes if code.is_failure]
        if failed:
            self._refusal = f"{self._topic}: subscription refused by the broker: {failed[0]}"
        self._subscribed = not failed

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if not message.retain:
            self._payloads.append(bytes(message.payload))


def open_source(options: Options) -> MqttSource:
    check_host(options.host, "host")
    tls = options.tls or Tls()
    paths = {
        "password_file": options.password_file,
        "tls.ca_file": tls.ca_file,
        "tls.cert_file": tls.cert_file,
        "tls.key_file": tls.key_file,
    }
    for key, file in paths.items():
        if file is not None and not credentials.readable(file):
            raise SourceError(f"{key}: found no file {file} that can be read, expected one")
    shared = {key: getattr(options, key) for key in ("username", "password_file", "tls")}
    settings = Mqtt(host=options.host, port=options.port, version="3.1.1", **shared)
    where = f"{options.host}:{options.port}"
    try:
        client = mqtt_client.make(settings, f"drsn-{secrets.token_hex(6)}", None)
        client.connect_timeout = CONNECT_S
        client.connect(options.host, options.port, KEEPALIVE_S)
    except (OSError, ValueError, ConditionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{where}: cannot connect: {reason}") from None
    source = MqttSource(options, client)
    try:
        source.await_subscription()
    except SourceError as error:
        source.close()
        raise SourceError(f"{where}: {error}") from None
    return source
