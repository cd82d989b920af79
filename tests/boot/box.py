"""The unit on a booted machine: its files, what it publishes, and what is checked of it."""

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import Machine

UNIT = "drsn-agent.service"
CONFIG = """\
agent: {id: press-04, health_s: 1}
mqtt:
  username: press-04
  will_delay_s: 0
  reconnect_max_s: 5
  password_file: /etc/drsn-agent/secrets/mqtt-password
sources:
  - {name: bearing-de, kind: synth, model: bearing, repeat: true, publish_windows: true}
"""
BROKER = """\
listener 1883 127.0.0.1
password_file /etc/mosquitto/passwords
max_queued_messages 0
"""
LISTENER = """\
[Unit]
StartLimitIntervalSec=0
[Install]
WantedBy=multi-user.target
[Service]
ExecStart=mosquitto_sub -h 127.0.0.1 -u ear -P heard -i ear -c -q 1 -t drsn/# -F '%%t %%p'
StandardOutput=append:/root/heard
Restart=always
RestartSec=0.2
"""


@dataclass(frozen=True)
class Check:
    what: str
    observed: object
    good: bool


Step = Callable[[Machine], list[Check]]  # its title is the first line of its documentation


def prop(box: Machine, name: str) -> str:
    return box.ask(f"systemctl show -P {name} {UNIT}")


def received(box: Machine) -> list[tuple[str, dict[str, Any]]]:
    """Topic and record of every message that a subscriber has received so far."""
    lines = (box.root / "root" / "heard").read_text().splitlines()
    split = [line.partition(" ") for line in lines]
    return [(topic, json.loads(text)) for topic, _, text in split if text.startswith("{")]


def statuses(box: Machine) -> list[str]:
    lines = (box.root / "root" / "heard").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[0].endswith("/status")]


def windows(box: Machine) -> int:
    return sum(topic.endswith("/window") for topic, _ in received(box))


def more_windows(box: Machine, count: int = 5, within_s: float = 120) -> float:
    before = windows(box)
    return box.until(lambda: windows(box) >= before + count, within_s)


def waiting(box: Machine) -> int:
    """Messages in the outbox on disk; read from a copy, since its owner keeps it locked."""
    state = box.root / "var/lib/drsn-agent"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "outbox.sqlite"
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(state / f"outbox.sqlite{ending}", f"{copy}{ending}")
        with contextlib.closing(sqlite3.connect(copy)) as db:
            return int(db.execute("SELECT count(*) FROM message").fetchone()[0])


def gapless(firsts: list[object], hop: int) -> bool:
    """Whether they are the first samples of windows from 0 on, none left out."""
    return firsts == list(range(0, hop * len(firsts), hop))


def put(box: Machine, package: Path, name: str) -> None:
    (box.root / "root" / name).write_bytes(package.read_bytes())
