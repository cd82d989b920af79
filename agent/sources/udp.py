"""Datagrams from a sensor node, each one frame (`agent.sources.sensor_nodes.frames`).

Datagrams out of order are sorted, duplicates are dropped, missing ones are a gap.
"""

import ipaddress
import socket
import time
from typing import Literal

import msgspec

from agent.core.annotated import Interleaved, RateHz
from agent.core.errors import ConfigError
from agent.core.types import Block, Format, SourceError
from agent.sources import readable
from agent.sources.sensor_nodes.frames import FrameError
from agent.sources.sensor_nodes.receiver import Receiver

WAIT_S = 0.2
HOLD_S = 0.1  # how long a datagram waits for an earlier one
MAX_HELD = 16  # datagrams
BUFFER = 1 << 20  # bytes that the kernel buffers while the agent is late
LARGEST = 1 << 16
GATHER_S = 0.01  # small datagrams fill a kernel's buffer soon


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of `kind: udp`."""

    rate_hz: RateHz
    listen: str  # HOST:PORT of this machine, e.g. 0.0.0.0:5005 or [::]:5005
    sender: str | None = None  # its address, where others may send too; None: any sender
    dtype: Literal["int16", "int32", "float32"] = "int16"
    interleaved: Interleaved = 1  # channels in each frame


class UdpSource:
    """Reads datagrams from a bound socket."""

    def __init__(
        self, options: Options, bound: socket.socket, senders: frozenset[str] | None = None
    ) -> None:
        """`senders`: the addresses of `options.sender`; None: any."""
        self._receiver = Receiver(
            options.rate_hz, options.dtype, options.interleaved, HOLD_S, MAX_HELD
        )
        self._socket = bound
        self._sender = options.sender
        self._senders = senders
        self.close = bound.close
        self.gathers_s = GATHER_S
        self.more = False

    @property
    def refusal(self) -> str | None:
        return self._receiver.refusals.text

    @property
    def format(self) -> Format:
        return self._receiver.format

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Block:
        block = self.take()
        if len(block.samples):
            return block
        readable.wait(self.fileno(), WAIT_S)
        return self.take()

    def take(self) -> Block:
        block = self._receiver.take(time.monotonic())
        self.more = len(block.samples) > 0 or self._receive()
        return block if len(block.samples) else self._receiver.take(time.monotonic())

    def _receive(self) -> bool:
        """Takes a datagram; False where none has come."""
        try:
            data, (host, *_) = self._socket.recvfrom(LARGEST)
        except BlockingIOError:
            return False
        except OSError as error:
            raise SourceError(f"the socket failed: {error.strerror}") from None
        address = plain_address(host)
        if self._senders is None or address in self._senders:
            self._receiver.put(data, time.monotonic())
        else:
            found = f"found a datagram of {address}, expected the sender {self._sender}"
            self._receiver.refuse(FrameError(found))
        return True


def open_source(options: Options) -> UdpSource:
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 1 << 16:
        raise ConfigError(f"listen: found {options.listen!r}, expected HOST:PORT of this machine")
    senders = _addresses(options.sender)
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_DGRAM
        )[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise SourceError(f"{options.listen}: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise SourceError(f"{options.listen}: cannot listen: {error.strerror}") from None
    bound.setblocking(False)
    return UdpSource(options, bound, senders)


def plain_address(host: str) -> str:
    """The address without its zone; that of an IPv4 sender on an IPv6 socket as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _addresses(sender: str | None) -> frozenset[str] | None:
    """All addresses of a sender, which may be a name; `SourceError` where it has none."""
    if sender is None:
        return None
    try:
        entries = socket.getaddrinfo(sender.strip("[]"), None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise SourceError(f"sender: {sender}: {error.strerror}") from None
    return frozenset(plain_address(str(entry[4][0])) for entry in entries)
