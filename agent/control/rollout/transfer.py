"""Gets the bytes of a file from a server or a folder, as a process of its own.

Name look-up, TLS, headers, a mounted disk: no single time limit covers all that may stand still
here. So whoever starts this process ends it (`agent.control.rollout.download`).
"""

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from agent.core import child_process

SILENT_S = 10.0  # without a byte
CHUNK = 1 << 16


def main() -> int:
    """`sys.argv[1:]`: the file to write, the place, the source that it lies below, the size.

    Prints why it failed, in one line.
    """
    child_process.follow_parent()
    part, where, source, size = sys.argv[1:]
    try:
        _append(Path(part), where, source, int(size))
    except (OSError, ValueError, HTTPException) as error:
        sys.stdout.write(_reason(error))
        return 1
    return 0


def _append(part: Path, where: str, source: str, size: int) -> None:
    """Downloads what is missing, and one byte more if there is one."""
    present = part.stat().st_size if part.exists() else 0
    if present >= size:
        return
    with (
        _open(where, source, present) as (stream, resumed),
        part.open("ab" if resumed else "wb", buffering=0) as out,
    ):
        left = size + 1 - (present if resumed else 0)
        while left and (chunk := stream.read1(min(CHUNK, left))):
            out.write(chunk)
            left -= len(chunk)


@contextlib.contextmanager
def _open(where: str, source: str, offset: int) -> Iterator[tuple[Any, bool]]:
    """The bytes from `offset` on (True), or all of them (False)."""
    if where.startswith("/"):
        file = Path(where).resolve()
        if not file.is_relative_to(Path(source).resolve()):
            raise ValueError(f"leads out of {source}")
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            stream.seek(offset)
            yield stream, True
        return
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    request = urllib.request.Request(where, headers=headers)
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=SILENT_S) as response:
        content = response.headers.get("Content-Range", "")
        resumed = response.status == 206 and content.startswith(f"bytes {offset}-")
        yield response, bool(offset) and resumed


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another place is not the one that was configured."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None  # then it is an HTTPError


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        away = "a redirect, which is not followed" if 300 <= error.code < 400 else error.reason
        return f"{error.code} {away}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, TimeoutError):
        return f"no byte for {SILENT_S:g} s"
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return text or f"broken off: {type(error).__name__}"
