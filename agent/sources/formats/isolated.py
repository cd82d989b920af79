"""A recording that a child process reads: a library that crashes, hangs or eats memory ends there.

The child is one recording's, and imports what reads its format; this process never does.
"""

import contextlib
import os
import select
import struct
import subprocess
import time
import weakref
from pathlib import Path

import msgspec
import numpy as np

from agent.core import child_process
from agent.core.errors import DamagedError, DataError, SourceError, UserError
from agent.core.types import Samples
from agent.sources.formats.recording import Recording
from agent.sources.formats.table import FileFormat

WORKER = "agent.sources.formats.isolated_worker"
PATIENCE_S = 60.0  # for an answer, and
PER_MIB_S = 1.0  # so much more for each MiB of the file: some libraries read it as a whole
HEAD = struct.Struct("<cQ")  # kind of an answer, its bytes
ASK = struct.Struct("<Q")  # frames that are wanted
HEADER, SAMPLES, REFUSED = b"H", b"S", b"E"
LONGEST_TEXT = 1 << 16  # bytes


class Header(msgspec.Struct, frozen=True):
    """What the child says of the recording; see `Recording`."""

    rate_hz: float | None
    channels: int
    full_scale: float | None
    frames: int
    step: float | None
    units: tuple[str | None, ...]
    names: tuple[str, ...]
    counting: tuple[int, ...]
    still: tuple[int, ...]
    note: str | None


def open_recording(path: Path, item: FileFormat, variable: str) -> Recording:
    """Opens the file in a child; `UserError` for one that cannot be read."""
    patience_s = PATIENCE_S + PER_MIB_S * path.stat().st_size / 2**20
    try:
        child = child_process.start(
            *(WORKER, os.fspath(path), item.module, variable),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise SourceError(f"{path}: no process to read it in: {error.strerror}") from None
    close = weakref.finalize(child, child_process.end, child)
    try:
        header = _header(child, patience_s)
    except (_EndedError, msgspec.MsgspecError) as error:
        close()
        raise DataError(f"{path}: not a readable {item.name} file: {error}") from None
    except UserError:
        close()
        raise

    def read(frames: int) -> Samples:
        if not close.alive:
            return np.zeros((0, header.channels), np.float32)
        try:
            return _read(child, frames, header.channels, patience_s)
        except _EndedError as error:
            close()
            raise DamagedError(f"{path}: damaged: {error}") from None

    return Recording(read=read, close=close, **msgspec.structs.asdict(header))


def _header(child: subprocess.Popen[bytes], patience_s: float) -> Header:
    kind, content = _answer(child, patience_s, LONGEST_TEXT)
    if kind != HEADER:
        raise DataError(content.decode(errors="replace"))
    return msgspec.json.decode(content, type=Header)


class _EndedError(Exception):
    """Why the child gave no answer."""


def _read(child: subprocess.Popen[bytes], frames: int, channels: int, patience_s: float) -> Samples:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(ASK.pack(frames))
        child.stdin.flush()
    kind, content = _answer(child, patience_s, max(LONGEST_TEXT, 4 * frames * channels))
    if kind != SAMPLES or len(content) % (4 * channels):
        raise _EndedError(content.decode(errors="replace")[:1000])
    return np.frombuffer(content, np.float32).reshape(-1, channels)


def _answer(
    child: subprocess.Popen[bytes], patience_s: float, most: int
) -> tuple[bytes, bytearray]:
    """Kind and content of the next answer, of at most `most` bytes; `_EndedError`."""
    deadline_s = time.monotonic() + patience_s
    kind, size = HEAD.unpack(_receive(child, HEAD.size, deadline_s))
    if size > most:
        raise _EndedError("its reader answers nonsense")
    return kind, _receive(child, size, deadline_s)


def _receive(child: subprocess.Popen[bytes], size: int, deadline_s: float) -> bytearray:
    assert child.stdout is not None
    poll, content = select.poll(), bytearray()
    poll.register(child.stdout, select.POLLIN)
    while len(content) < size:
        if not poll.poll(max(0.0, 1000 * (deadline_s - time.monotonic()))):
            raise _EndedError("its reader does not come to an end")
        part = os.read(child.stdout.fileno(), min(size - len(content), 1 << 20))
        if not part:
            raise _EndedError(_ending(child))
        content += part
    return content


def _ending(child: subprocess.Popen[bytes]) -> str:
    """Why the child has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = child.wait(child_process.END_S)
        return f"its reader ended ({f'signal {-code}' if code < 0 else f'code {code}'})"
    return "its reader ended"
