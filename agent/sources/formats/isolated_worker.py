"""The child's side of `agent.sources.formats.isolated`: opens one recording and reads on demand."""

import importlib
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent.core import child_process
from agent.core.errors import UserError
from agent.sources.formats.isolated import ASK, HEAD, HEADER, LONGEST_TEXT, REFUSED, SAMPLES, Header
from agent.sources.formats.recording import Recording

MEMORY = 2 << 30  # bytes of address space, and
PER_BYTE = 32  # so many for each byte of the file


def main() -> int:
    """Reads the file `sys.argv[1]` by the module `sys.argv[2]`, of the signals `sys.argv[3]`."""
    name, module, variable = sys.argv[1:]
    child_process.follow_parent()
    path, output = Path(name), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    _limit(path)
    try:
        recording: Recording = importlib.import_module(module).open_file(path, variable)
    except BaseException as error:  # noqa: BLE001 - whatever a library raises for a stranger's bytes
        _send(output, REFUSED, _why(path, error).encode(errors="replace")[:LONGEST_TEXT])
        return 1
    _send(output, HEADER, msgspec.json.encode(_header(recording)))
    return _serve(path, recording, output)


def _serve(path: Path, recording: Recording, output: BinaryIO) -> int:
    """Answers requests until the parent ends this process."""
    while len(request := sys.stdin.buffer.read(ASK.size)) == ASK.size:
        try:
            samples = recording.read(*ASK.unpack(request))
        except BaseException as error:  # noqa: BLE001 - as above
            _send(output, REFUSED, _why(path, error).encode(errors="replace")[:1000])
            return 1
        _send(output, SAMPLES, samples.astype("<f4", order="C").tobytes())
    return 0


def _header(recording: Recording) -> Header:
    fields = Header.__struct_fields__
    return Header(**{name: getattr(recording, name) for name in fields})


def _why(path: Path, error: BaseException) -> str:
    """One line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{path}: not readable: it needs more memory than {MEMORY >> 30} GiB"
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return f"{path}: not readable: {reason}"


def _limit(path: Path) -> None:
    """Bounds what a file can make its reader take."""
    memory = MEMORY + PER_BYTE * path.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _send(output: BinaryIO, kind: bytes, content: bytes) -> None:
    output.write(HEAD.pack(kind, len(content)))
    output.write(content)
    output.flush()
