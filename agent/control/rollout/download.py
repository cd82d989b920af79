"""Downloads an announced bundle from the one place that the configuration names.

The part of a bundle that has arrived stays on disk: a broken download goes on where it broke off.
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
from agent.core.errors import Later
from agent.inference import model_store
from agent.messages.announcement import Announcement, place

SILENT_S = 10.0  # without a byte
ATTEMPT_S = 900.0
CHUNK = 1 << 16
RESERVE_BYTES = 64 << 20  # of the disk, left to the outbox
COPIES = 3  # of a bundle on the disk at once: the download, its parts, the model that they replace


def fetch(announcement: Announcement, source: str, state_dir: Path) -> bytes:
    """The bundle, of the announced size and digest; `Later`, `UserError`. May take minutes."""
    where, size = place(announcement, source), announcement.size
    part = model_store.root(state_dir) / model_store.INCOMING / f"{announcement.sha256}.part"
    try:
        files.make_folder(part.parent)
        _discard_others(part)
        _check_room(part.parent, size)
        _append(part, where, source, size)
        data = part.read_bytes()
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise Later(f"{where}: {_reason(error)}") from None
    if len(data) < size:
        raise Later(f"{where}: found {len(data)} of {size} bytes")
    part.unlink()
    if len(data) > size or hashlib.sha256(data).hexdigest() != announcement.sha256:
        raise Later(f"{where}: found another file than was announced")
    return data


def _check_room(folder: Path, size: int) -> None:
    free, needed = shutil.disk_usage(folder).free, COPIES * size + RESERVE_BYTES
    if free < needed:
        found, expected = (f"{count / 2**20:.1f} MiB" for count in (free, needed))
        raise Later(f"{folder}: found {found} free on the disk, expected at least {expected}")


def _append(part: Path, where: str, source: str, size: int) -> None:
    """Downloads what is missing, and one byte more if there is one."""
    end_s = time.monotonic() + ATTEMPT_S
    present = part.stat().st_size if part.exists() else 0
    if present >= size:
        return
    with (
        _open(where, source, present) as (stream, resumed),
        part.open("ab" if resumed else "wb") as out,
    ):
        left = size + 1 - (present if resumed else 0)
        while left and time.monotonic() < end_s and (chunk := stream.read(min(CHUNK, left))):
            out.write(chunk)
            left -= len(chunk)


@contextlib.contextmanager
def _open(where: str, source: str, offset: int) -> Iterator[tuple[IO[bytes], bool]]:
    """The bytes from `offset` on (True), or all of them (False)."""
    if where.startswith("/"):
        file = Path(where).resolve()
        if not file.is_relative_to(Path(source).resolve()):
            raise Later(f"{where}: leads out of {source}")
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
