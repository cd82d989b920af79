"""One address that people are told at: Apprise sends to it, in a process of its own.

Apprise loads much, and a mail server may hang. A process for each message ends after `TIMEOUT_S` at
the latest, and takes nothing from the agent between messages.
"""

import hashlib
import select
import subprocess
import time

import msgspec

from agent.core import child_process, json_input
from agent.delivery.notify.texts import Message

SEND = "agent.delivery.notify.send"  # the module that runs in a process of its own
TIMEOUT_S = 60.0
MAX_BYTES = 4096  # of what the process answers
ENDED = "the process that sends has ended without an answer"


class Order(msgspec.Struct, frozen=True):
    """What to send, and where."""

    url: str
    title: str
    body: str
    kind: str


class Outcome(msgspec.Struct, frozen=True):
    why: str | None  # it was not delivered; None: it was


class Address:
    """Of one URL. Its methods are for one thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.key = hashlib.sha256(url.encode()).hexdigest()  # of its state; shows no secret
        self.name = f"{url.partition('://')[0].lower()} {self.key[:6]}"  # for logs

    def send(self, message: Message) -> str | None:
        """Why it was not delivered, in one line without secrets; None: it was."""
        pipe = subprocess.PIPE
        try:
            child = child_process.start(SEND, stdin=pipe, stdout=pipe)
        except OSError as error:
            return f"no process can be started: {error.strerror}"
        try:
            return _outcome(child, Order(self._url, message.title, message.body, message.kind))
        finally:
            child_process.end(child)


def _outcome(child: subprocess.Popen[bytes], order: Order) -> str | None:
    assert child.stdin is not None
    try:
        child.stdin.write(msgspec.json.encode(order) + b"\n")
        child.stdin.flush()
        answer = _answer(child)
        return json_input.decode(answer, Outcome).why if answer else ENDED
    except TimeoutError:
        return f"it took longer than {TIMEOUT_S:g} s"
    except (OSError, json_input.JsonError):
        return ENDED


def _answer(child: subprocess.Popen[bytes]) -> bytes:
    """What it prints until it ends; `TimeoutError`."""
    assert child.stdout is not None
    answer, until_s = b"", time.monotonic() + TIMEOUT_S
    while len(answer) <= MAX_BYTES:
        left_s = until_s - time.monotonic()
        if left_s <= 0 or not select.select([child.stdout], [], [], left_s)[0]:
            raise TimeoutError
        part = child.stdout.read1(MAX_BYTES)  # type: ignore[attr-defined]
        if not part:
            break
        answer += part
    return answer
