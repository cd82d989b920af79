"""The agent with one thing in it that breaks, once: `python sabotage.py KIND run --config FILE`.

It breaks after two seconds of work, if $SABOTAGED does not exist yet, and leaves that file so that
the process that follows is whole.
"""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from agent.cli import main
from agent.delivery.mqtt_sink import MqttSink
from agent.delivery.sender import Sender
from agent.inference.classifier import OnnxClassifier

AFTER_S = 2.0


def hang(*_: object) -> None:
    """Waits for ever, and lets others work meanwhile."""
    threading.Event().wait()


def hang_hard(*_: object) -> None:
    """Waits for ever, and no thread of Python's does anything meanwhile."""
    ctypes.PyDLL(None).sleep(3600)


def fail(*_: object) -> NoReturn:
    raise RuntimeError("sabotaged")


def vanish(*_: object) -> NoReturn:
    """Ends the thread without a word: `threading` ignores this exception."""
    raise SystemExit


KINDS: dict[str, tuple[type, str, Callable[..., object]]] = {
    "hang_inference": (OnnxClassifier, "classify", hang),
    "hang_hard": (OnnxClassifier, "classify", hang_hard),
    "fail_inference": (OnnxClassifier, "classify", fail),
    "kill_sender": (Sender, "_send_due", vanish),
    "fail_sender": (Sender, "_send_due", fail),
    "hang_sender": (Sender, "_send_due", hang),
    "fail_callback": (MqttSink, "_on_publish", fail),
}


def sabotage(kind: str, mark: Path) -> None:
    """Puts the break in the place of a method, until its time has come."""
    where, name, broken = KINDS[kind]
    whole, due_s = getattr(where, name), time.monotonic() + AFTER_S

    def method(*args: Any, **kwargs: Any) -> Any:
        if time.monotonic() > due_s and not mark.exists():
            mark.touch()
            broken()
        return whole(*args, **kwargs)

    setattr(where, name, method)


if __name__ == "__main__":
    if not Path(os.environ["SABOTAGED"]).exists():
        sabotage(sys.argv[1], Path(os.environ["SABOTAGED"]))
    sys.exit(main.main(sys.argv[2:]))
