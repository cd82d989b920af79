"""Downloads an announced bundle from the one place that the configuration names.

The part of a bundle that has arrived stays on disk: a broken download goes on where it broke off.
An attempt is a process (`agent.control.rollout.transfer`) that is ended when its time is over,
whatever it does.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.control.rollout import transfer
from agent.core import child_process, files
from agent.core.errors import Later
from agent.inference import model_store
from agent.messages.announcement import Announcement, place

RESERVE_BYTES = 64 << 20  # of the disk, left to the outbox
COPIES = 3  # of a bundle on the disk at once: the download, its parts, the model that they replace
MAX_REASON = 200  # characters of what a server gave as a reason


class Patience(msgspec.Struct, frozen=True):
    """How long an attempt may take, and how slow it may be."""

    attempt_s: float = 900.0
    look_s: float = 0.25  # between two looks at it
    stall_s: float = 60.0  # in which so many bytes must come:
    stall_bytes: int = 1 << 15


PATIENCE = Patience()


def fetch(
    announcement: Announcement,
    source: str,
    state_dir: Path,
    interrupted: Callable[[], bool] = lambda: False,
    patience: Patience = PATIENCE,
) -> bytes:
    """The bundle, of the announced size and digest; `Later`, `UserError`. May take minutes.

    The attempt ends as soon as it is `interrupted`: something else has to be done first.
    """
    where, size = place(announcement, source), announcement.size
    part = model_store.root(state_dir) / model_store.INCOMING / f"{announcement.sha256}.part"
    try:
        files.make_folder(part.parent)
        _discard_others(part)
        _check_room(part.parent, size)
        failure = _transfer(part, where, source, size, interrupted, patience)
        data = part.read_bytes() if part.exists() else b""
    except OSError as error:
        raise Later(f"{where}: {error.strerror or error}") from None
    if failure is not None:
        raise Later(f"{where}: {failure}")
    if len(data) < size:
        raise Later(f"{where}: found {len(data)} of {size} bytes")
    part.unlink()
    if len(data) > size or hashlib.sha256(data).hexdigest() != announcement.sha256:
        raise Later(f"{where}: found another file than was announced")
    return data


def _transfer(
    part: Path,
    where: str,
    source: str,
    size: int,
    interrupted: Callable[[], bool],
    patience: Patience,
) -> str | None:
    """Lets one process get what is missing; why it did not, None: it has ended well."""
    pipe = subprocess.PIPE
    arguments = (str(part), where, source, str(size))
    child = child_process.start(transfer.__name__, *arguments, stdin=pipe, stdout=pipe)
    try:
        failure = _await_end(child, part, interrupted, patience)
        return _reason(child) if failure is None and child.returncode else failure
    finally:
        child_process.end(child)


def _await_end(
    child: subprocess.Popen[bytes],
    part: Path,
    interrupted: Callable[[], bool],
    patience: Patience,
) -> str | None:
    """Waits for its end; why it must be ended before, None: it has ended."""
    began_s = since_s = time.monotonic()
    before = _size(part)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience.look_s)
            return None
        now_s, present = time.monotonic(), _size(part)
        if interrupted():
            return "interrupted by an order"
        if now_s - began_s > patience.attempt_s:
            return f"took longer than {patience.attempt_s:g} s, {present} bytes are here"
        if now_s - since_s > patience.stall_s:
            if (came := present - before) < patience.stall_bytes:
                expected = f"expected at least {patience.stall_bytes}"
                return f"found {came} bytes in {patience.stall_s:g} s, {expected}"
            since_s, before = now_s, present


def _reason(child: subprocess.Popen[bytes]) -> str:
    """What it printed, without anything that a terminal or a log would take for more than text."""
    assert child.stdout is not None
    reason = os.read(child.stdout.fileno(), 4 * MAX_REASON).decode("utf-8", "replace")
    printable = "".join(one if one.isprintable() else " " for one in reason)
    return printable[:MAX_REASON].strip() or f"the download ended with the code {child.returncode}"


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_room(folder: Path, size: int) -> None:
    free, needed = shutil.disk_usage(folder).free, COPIES * size + RESERVE_BYTES
    if free < needed:
        found, expected = (f"{count / 2**20:.1f} MiB" for count in (free, needed))
        raise Later(f"{folder}: found {found} free on the disk, expected at least {expected}")


def _discard_others(part: Path) -> None:
    for other in part.parent.glob("*.part"):
        if other != part:
            other.unlink(missing_ok=True)
