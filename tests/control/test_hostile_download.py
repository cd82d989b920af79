"""Whatever a server does, an attempt to download ends when its time is over, in one line."""

import contextlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.control.rollout.download import Patience, fetch
from agent.core.errors import Later
from agent.messages.announcement import Announcement

SIZE = 100_000
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode()
SHORT = Patience(attempt_s=2.5, look_s=0.05)
STALL = Patience(attempt_s=60.0, look_s=0.05, stall_s=1.5, stall_bytes=5000)
OVER = r"took longer than 2\.5 s, \d+ bytes are here"

Chunks = Callable[[], Iterator[bytes]]


def slowly(head: bytes, chunk: bytes) -> Iterator[bytes]:
    yield head
    for _ in itertools.count():
        time.sleep(0.02)
        yield chunk


def quickly(head: bytes, chunk: bytes) -> Iterator[bytes]:
    return itertools.chain([head], itertools.repeat(chunk))


SERVERS: dict[str, tuple[Chunks, Patience, str]] = {
    "never answers": (lambda: slowly(b"", b""), SHORT, OVER),
    "a byte of the status now and then": (lambda: slowly(b"", b"H"), SHORT, OVER),
    "a byte of a header now and then": (lambda: slowly(HEAD[:-2], b"x"), SHORT, OVER),
    "a byte of the body now and then": (lambda: slowly(HEAD, b"x"), SHORT, OVER),
    "too slow": (lambda: slowly(HEAD, b"x"), STALL, r"found \d+ bytes in 1\.5 s, expected at l"),
    "endless 100 Continue": (
        lambda: quickly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        SHORT,
        OVER,
    ),
    "slow 100 Continue": (lambda: slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), SHORT, OVER),
    "endless headers": (lambda: quickly(HEAD[:-2], b"X: y\r\n" * 100), SHORT, "100 headers"),
    "an endless header": (lambda: quickly(HEAD[:-2], b"x" * 4096), SHORT, "65536 bytes"),
    "an endless body": (lambda: quickly(HEAD, b"x" * 4096), SHORT, "another file than was"),
    "endless redirects": (
        lambda: iter([b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"]),
        SHORT,
        "302 a redirect",
    ),
    "a reason of many lines": (
        lambda: iter([b"HTTP/1.1 500 a\x1b[31m\x00\x85b" + b"c" * 5000 + b"\r\n\r\n"]),
        SHORT,
        r"500 a \[31m",
    ),
    "no HTTP": (lambda: iter([b"\xff\xfe\n" * 50]), SHORT, r"\S"),
    "nothing at all": (lambda: iter([b""]), SHORT, "closed connection without response"),
    "a length that is none": (
        lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"]),
        SHORT,
        "found 0 of 100000 bytes",
    ),
    "a chunk of 2**70 bytes": (
        lambda: iter([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 18]),
        SHORT,
        r"\S",
    ),
}


@contextlib.contextmanager
def serving(chunks: Chunks) -> Iterator[str]:
    """A server that sends those bytes to whoever connects, and then closes."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(1000)
                    for chunk in chunks():
                        connection.sendall(chunk)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def attempt(folder: Path, chunks: Chunks, patience: Patience) -> tuple[str, float]:
    """Why it failed, and after how many seconds."""
    announcement = Announcement(
        name="tiny", version="2", url="tiny.drsn", sha256="0" * 64, size=SIZE
    )
    began_s = time.monotonic()
    with serving(chunks) as source, pytest.raises(Later) as failure:
        fetch(announcement, source, folder, patience=patience)
    return str(failure.value), time.monotonic() - began_s


@pytest.mark.timeout(60)
def test_whatever_a_server_sends_an_attempt_ends_in_time_and_is_told_in_one_line(
    tmp_path: Path,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        attempts = {
            name: pool.submit(attempt, tmp_path / name.replace(" ", "-"), chunks, patience)
            for name, (chunks, patience, _) in SERVERS.items()
        }
    for name, (_, _, expected) in SERVERS.items():
        why, took_s = attempts[name].result()
        assert re.search(expected, why), (name, why)
        assert why.isprintable(), (name, why)
        assert len(why) < 400, (name, why)
        assert took_s < 15, (name, took_s)


def test_an_order_of_a_person_interrupts_a_download(tmp_path: Path) -> None:
    announcement = Announcement(
        name="tiny", version="2", url="tiny.drsn", sha256="0" * 64, size=SIZE
    )
    began_s = time.monotonic()
    with (
        serving(lambda: slowly(HEAD, b"x")) as source,
        pytest.raises(Later, match="interrupted by an order"),
    ):
        fetch(announcement, source, tmp_path, lambda: time.monotonic() > began_s + 1)
    assert time.monotonic() - began_s < 15
