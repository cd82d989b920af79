"""`python -m tests.control.fuzz_commands [COUNT]`: hostile commands against the real agent.

Only `ping` is allowed. Among the hostile ones are commands that must be carried out, so that it is
the bad ones that are refused. Counts crashes, what was done and should not have been, and growth.
"""

import datetime
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import Agent, Broker, eventually
from tests.support import tiny
from tests.support.listening import Listening

VERBS = ("ping", "ping", "capture", "publish_windows", "reload", "reboot", "..", "x" * 200)
AGENT = "drsn/press-04"


@dataclass(frozen=True)
class Found:
    count: int
    allowed: int  # commands that must be carried out
    answered: int
    not_done: int
    wrongly_done: int
    crashes: int
    grown_mib: float


def good(id: str, **more: Any) -> dict[str, Any]:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=30)
    return {"id": id, "expires": moment.isoformat(), "arguments": {}} | more


def hostile(chance: random.Random, at: int) -> tuple[str, bytes, bool]:
    """Verb, payload and whether it is retained: never one that may be carried out."""
    text = json.dumps(good(f"bad-{at}")).encode()
    kind = chance.randrange(12)
    deep = chance.randrange(5, 400)
    payloads = (
        chance.randbytes(chance.randrange(200)),
        text[: chance.randrange(len(text))],
        _flipped(chance, text),
        b'{"id":' * deep + b"1" + b"}" * deep,
        b"[" * deep * 4,
        json.dumps(good(f"bad-{at}", arguments={"x": 1})).encode(),
        json.dumps(good(f"bad-{at}", expires="2020-01-01T00:00:00Z")).encode(),
        json.dumps(good(f"bad-{at}", expires="9999-12-31T23:59:59Z")).encode(),
        text[:-1] + b', "id": "other"}',
        text.replace(b"{}", b'{"seconds": 1e' + b"9" * deep + b"}"),
        text.replace(b'"bad', b'NaN, "bad'),
        text + b" " * 5000,
    )
    if kind % 4 == 3:
        return "ping", text, True  # a good one, retained
    payload = payloads[kind]
    verb = chance.choice(VERBS)
    return verb, payload, False


def _flipped(chance: random.Random, text: bytes) -> bytes:
    """A bit of its structure: a flipped letter of the id would be a command as good as before."""
    broken = bytearray(text)
    places = [at for at, byte in enumerate(text) if byte in b'{}":,']
    broken[chance.choice(places)] ^= 1 << chance.randrange(7)
    return bytes(broken)


def trial(count: int, seed: int = 0) -> Found:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        queue = "max_queued_messages 0\n"  # else mosquitto drops what is over 1,000
        broker = Broker(folder, extra=f"allow_anonymous true\n{queue}").start()
        agent = _start(folder, broker.port)
        try:
            windows_too = ("-t", f"{AGENT}/a/window")
            results = f"{AGENT}/cmd/+/result"
            with Listening(broker.port, results, extra=windows_too) as listening:
                eventually(lambda: "connected to" in agent.logged(), 20, "connected")
                before_mib = _rss_mib(agent)
                wanted = _send(chance, count, broker.port)

                def done() -> set[str]:
                    return {each["id"] for each in listening.of("result") if each["ok"]}

                eventually(lambda: "last" in done(), 120, "the last command is answered")
                grown_mib = _rss_mib(agent) - before_mib
                answered = done() - {"last"}
                windows = len(listening.of("window"))
                files = len(list((folder / "state").rglob("*.flac")))
                crashed = agent.stop() != 0 or "Traceback" in agent.logged()
        finally:
            agent.process.kill()
            broker.stop()
    return Found(
        count=count,
        allowed=len(wanted),
        answered=len(answered & wanted),
        not_done=len(wanted - answered),
        wrongly_done=len(answered - wanted) + windows + files,
        crashes=int(crashed),
        grown_mib=round(grown_mib, 2),
    )


def _start(folder: Path, port: int) -> Agent:
    source = {"name": "a", "kind": "synth", "rate_hz": 1000, "repeat": True}
    tree = {
        "agent": {"id": "press-04", "state_dir": str(folder / "state")},
        "mqtt": {"port": port},
        "commands": {"allow": ["ping"]},
        "sources": [source | {"model": str(tiny.write(folder / "tiny.onnx"))}],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "agent", "run", "--config", str(folder / "config.yaml")]
    with (folder / "log").open("wb") as log:
        return Agent(subprocess.Popen(command, stderr=log), folder / "log")


def _send(chance: random.Random, count: int, port: int) -> set[str]:
    """Sends them, and returns the ids of those that must be carried out; `last` ends it."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wanted: set[str] = set()
    for at in range(count):
        if at % 20 == 7 and len(wanted) < 900:
            wanted.add(f"good-{at}")
            verb, payload, kept = "ping", json.dumps(good(f"good-{at}")).encode(), False
        else:
            verb, payload, kept = hostile(chance, at)
        topic = f"{AGENT}/cmd/{verb}"
        client.publish(topic, payload, 1, kept).wait_for_publish(10)
    client.publish(f"{AGENT}/cmd/ping", json.dumps(good("last")), 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    return wanted


def _rss_mib(agent: Agent) -> float:
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> int:
    found = trial(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print(found)
    bad = found.crashes or found.wrongly_done or found.not_done or found.grown_mib >= 5
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
