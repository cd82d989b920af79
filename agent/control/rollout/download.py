"""Fetches what was announced, from the one place that the configuration names. Takes its time.

What has come of a bundle stays on disk, so that a broken download goes on where it broke off.
"""

import contextlib
import hashlib
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import IO, Any

from agent.core import files
from agent.inference import model_store
from agent.messages.announcement import Announcement, place

SILENT_S = 10.0  # without a byte
ATTEMPT_S = 900.0
CHUNK = 1 << 16
SPARE_BYTES = 64 << 20  # of the disk, left to the outbox


class Later(Exception):  # noqa: N818 - it may work the next time
    """Why it has not come yet."""


def fetch(announced: Announcement, source: str, state_dir: Path) -> bytes:
    """The bundle, of the size and digest that were announced; `Later`, `UserError`."""
    where = place(announced, source)
    part = model_store.root(state_dir) / model_store.INCOMING / f"{announced.sha256}.part"
    try:
        files.make_folder(part.parent)
        _discard_others(part)
        if shutil.disk_usage(part.parent).free < 3 * announced.size + SPARE_BYTES:
            raise Later("the disk has no room for it")
        _append(part, where, source, announced.size)
        data = part.read_bytes()
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise Later(f"{where}: {_reason(error)}") from None
    if len(data) < announced.size:
        raise Later(f"{where}: found {len(data)} of {announced.size} bytes")
    part.unlink()
    if len(data) > announced.size or hashlib.sha256(data).hexdigest() != announced.sha256:
        raise Later(f"{where}: found another file than was announced")
    return data


def _append(part: Path, where: str, source: str, size: int) -> None:
    """What is missing of it, and one byte more if there is one."""
    by_s = time.monotonic() + ATTEMPT_S
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        return
    with (
        _open(where, source, have) as (stream, goes_on),
        part.open("ab" if goes_on else "wb") as out,
    ):
        left = size + 1 - (have if goes_on else 0)
        while left and time.monotonic() < by_s and (chunk := stream.read(min(CHUNK, left))):
            out.write(chunk)
            left -= len(chunk)


@contextlib.contextmanager
def _open(where: str, source: str, have: int) -> Iterator[tuple[IO[bytes], bool]]:
    """The bytes behind the first `have`, or all again (False)."""
    if where.startswith("/"):
        file = Path(where).resolve()
        if not file.is_relative_to(Path(source).resolve()):
            raise Later(f"{where}: leads out of {source}")
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            stream.seek(have)
            yield stream, True
        return
    asked = urllib.request.Request(where, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.build_opener(_NoRedirect).open(asked, timeout=SILENT_S) as answer:
        told = answer.headers.get("Content-Range", "")
        yield answer, bool(have) and answer.status == 206 and told.startswith(f"bytes {have}-")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another place is not the one that was configured."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None  # then it is an HTTPError


def _discard_others(part: Path) -> None:
    for other in part.parent.glob("*.part"):
        if other != part:
            other.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        away = "a redirect, which is not followed" if 300 <= error.code < 400 else error.reason
        return f"{error.code} {away}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return (isinstance(error, OSError) and error.strerror) or str(error)
