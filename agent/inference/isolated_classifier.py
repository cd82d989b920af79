"""A model under trial in a process of its own: it may hang, crash or eat memory there.

The signature of a bundle says who made it, not that it is harmless. Loading it and each answer
have a time limit, and its memory has a limit too (`agent.inference.isolated_worker`).
"""

import socket
import subprocess
import weakref
from pathlib import Path

import msgspec

from agent.core import child_process, model_contract
from agent.core.awake_clock import AwakeClock
from agent.core.errors import UserError
from agent.core.types import Prediction, Samples
from agent.inference import isolated_worker
from agent.inference.isolated_worker import LENGTH, Answer, Failure, Loaded, Scores, Windows
from agent.sources import readable

LOAD_S = 60.0
ANSWER_S = 5.0  # for a call; the watchdog of the agent's own threads waits for 10 s
LOOK_S = 0.1
MAX_ANSWER = 1 << 20  # bytes


class IsolatedClassifier:
    """A `Serving`; `begin` and `result` score without waiting. For one thread at a time.

    Its process ends with the last reference to it, and with the agent.
    """

    def __init__(self, file: Path, load_s: float = LOAD_S, answer_s: float = ANSWER_S) -> None:
        """Loads the model; `UserError` where it cannot be served. Takes up to `load_s`."""
        self._process = _Process(file)
        loaded = self._process.wait(load_s, "to load")
        if not isinstance(loaded, Loaded):
            raise UserError("found an answer of the model's process that is none")
        metadata = {model_contract.METADATA_KEY: loaded.contract}
        self.contract = model_contract.parse(metadata, str(file))
        self.sha256, self.reads_running = loaded.sha256, loaded.reads_running
        self.spent_s = 0.0
        self.served = 0
        self._answer_s = answer_s
        self._begun = 0  # windows

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        """As `OnnxClassifier.classify`; `UserError` where no answer comes in time."""
        self.begin(samples, running)
        return self._scored(self._process.wait(self._answer_s, "for an answer"))

    def begin(self, samples: Samples, running: Samples | None = None) -> None:
        """Lets it score those windows [count, channels, window]; `UserError`."""
        text = None if running is None else running.tobytes()
        self._process.send(Windows(len(samples), samples.tobytes(), text))
        self._begun = len(samples)

    def result(self) -> list[Prediction] | None:
        """What it makes of the windows of `begin`; None: not yet. `UserError`."""
        answer = self._process.look(self._answer_s, "for an answer")
        return None if answer is None else self._scored(answer)

    def _scored(self, answer: Answer) -> list[Prediction]:
        if not isinstance(answer, Scores) or len(answer.predictions) != self._begun:
            raise UserError("found another answer than predictions")
        labels = len(self.contract.labels)
        for prediction in answer.predictions:
            if (count := len(prediction.probabilities)) != labels:
                raise UserError(f"probabilities: found {count}, expected {labels}")
        self.spent_s += answer.spent_s
        self.served += self._begun
        return answer.predictions


class _Process:
    """The socket to the process, and how long an answer may take."""

    def __init__(self, file: Path) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                module, number = isolated_worker.__name__, theirs.fileno()
                self._child = child_process.start(
                    module, str(file), stdin=number, stdout=subprocess.DEVNULL
                )
            except OSError as error:
                raise UserError(f"{file}: cannot be tried: {error.strerror}") from None
        self._socket.setblocking(False)
        self._close = weakref.finalize(self, _close, self._socket, self._child)
        self._received = bytearray()
        self._clock = AwakeClock(longest_s=1.0)
        self._since_s = self._clock.now_s()

    def send(self, windows: Windows) -> None:
        data = msgspec.msgpack.encode(windows)
        self._since_s = self._clock.now_s()
        try:
            self._socket.settimeout(ANSWER_S)  # for all of it: what has answered reads at once
            self._socket.sendall(LENGTH.pack(len(data)) + data)
            self._socket.setblocking(False)
        except OSError:
            raise self._ended() from None

    def wait(self, longest_s: float, what: str) -> Answer:
        while (answer := self.look(longest_s, what)) is None:
            readable.wait(self._socket.fileno(), LOOK_S)
        return answer

    def look(self, longest_s: float, what: str) -> Answer | None:
        """The answer, as far as there is one; `UserError`."""
        late = self._clock.now_s() - self._since_s > longest_s  # before what came meanwhile is read
        data = self._message()
        if data is None:
            if late:
                raise self._failed(f"took longer than {longest_s:g} s {what}")
            return None
        try:
            answer = msgspec.msgpack.decode(data, type=Answer)
        except (ValueError, RecursionError):
            raise self._failed("found an answer that cannot be read") from None
        if isinstance(answer, Failure):
            raise self._failed(answer.why)
        return answer

    def _message(self) -> bytes | None:
        """One whole message; None while there is none."""
        try:
            while chunk := self._socket.recv(1 << 16):
                self._received += chunk
                if len(self._received) > MAX_ANSWER:
                    raise self._failed("found an answer that is too long")
        except BlockingIOError:
            pass
        except OSError:
            raise self._ended() from None
        else:  # nothing more will come
            if (message := self._whole()) is None:
                raise self._ended()
            return message
        return self._whole()

    def _whole(self) -> bytes | None:
        if len(self._received) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._received)
        if len(self._received) < LENGTH.size + length:
            return None
        message = bytes(self._received[LENGTH.size : LENGTH.size + length])
        self._received.clear()
        return message

    def _ended(self) -> UserError:
        self._close()
        code = self._child.returncode
        how = f"by the signal {-code}" if code is not None and code < 0 else f"with the code {code}"
        return UserError(f"its process ended {how}")

    def _failed(self, why: str) -> UserError:
        self._close()
        return UserError(why)


def _close(connection: socket.socket, child: subprocess.Popen[bytes]) -> None:
    connection.close()
    child_process.end(child)
