"""The process of a model under trial: loads it, then scores windows until its parent leaves.

Messages in both directions are a length of four bytes (little endian) and that many bytes of
MessagePack, on the socket that is this process's stdin.
"""

import resource
import socket
import struct
import sys
from pathlib import Path

import msgspec
import numpy as np

from agent.core import child_process
from agent.core.model_contract import RUNNING_WIDTH
from agent.core.types import Prediction
from agent.inference import classifier

MAX_REASON = 180  # characters
LENGTH = struct.Struct("<I")
MEMORY_BYTES = 192 << 20  # that a model may use, beside what Python and ONNX Runtime take


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model can be served."""

    contract: str  # as in the file's metadata
    sha256: str
    reads_running: bool


class Windows(msgspec.Struct, frozen=True):
    """Windows to score: float32 [count, channels, window], and [count, 5] of `running`."""

    count: int
    samples: bytes
    running: bytes | None


class Scores(msgspec.Struct, frozen=True, tag=True):
    predictions: list[Prediction]
    spent_s: float  # processor time


class Failure(msgspec.Struct, frozen=True, tag=True):
    """Why it cannot be loaded or has failed on a window, in one line."""

    why: str


Answer = Loaded | Scores | Failure


def main() -> int:
    """`sys.argv[1:]`: the model file."""
    child_process.follow_parent()
    _limit_memory()
    with socket.socket(fileno=0) as parent:
        try:
            model = classifier.load(Path(sys.argv[1]))
            text = model.contract.to_json()
            _send(parent, Loaded(text, model.sha256, model.reads_running))
            while True:
                _send(parent, _score(model, _receive(parent)))
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no common base
            _send(parent, Failure(_reason(error)))
    return 1


def _reason(error: Exception) -> str:
    """One line; of a long one the end, where ONNX Runtime has the cause."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON else f"...{text[-MAX_REASON:]}"


def _limit_memory() -> None:
    status = Path("/proc/self/status").read_text()
    (now_kib,) = (int(line.split()[1]) for line in status.splitlines() if line[:7] == "VmData:")
    most = 1024 * now_kib + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _score(model: classifier.OnnxClassifier, windows: Windows) -> Scores:
    contract, before_s = model.contract, model.spent_s
    shape = (windows.count, contract.channels, contract.window)
    samples = np.frombuffer(windows.samples, np.float32).reshape(shape)
    running = None
    if windows.running is not None:
        running = np.frombuffer(windows.running, np.float32).reshape(-1, RUNNING_WIDTH)
    predictions = model.classify(samples, running)
    return Scores(predictions, model.spent_s - before_s)


def _send(parent: socket.socket, answer: Answer) -> None:
    data = msgspec.msgpack.encode(answer)
    parent.sendall(LENGTH.pack(len(data)) + data)


def _receive(parent: socket.socket) -> Windows:
    """`SystemExit` where the parent has left."""
    (length,) = LENGTH.unpack(_exactly(parent, LENGTH.size))
    return msgspec.msgpack.decode(_exactly(parent, length), type=Windows)


def _exactly(parent: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = parent.recv(count - len(data))
        if not chunk:
            sys.exit(0)
        data += chunk
    return bytes(data)
