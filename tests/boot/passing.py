"""What may pass on a box: the agent cannot start, or waits, and is back when it has passed."""

import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import soundfile

from .box import BROKER, UNIT, Check, prop
from .conditions import CONDITIONS, SECRETS, Condition, Tree
from .machine import Machine

BACK_S = 10.0  # after the condition's end
HOLD_S = 6.0  # the least that a condition lasts where the agent waits for it
TLS = """
listener 8883 127.0.0.1
certfile /etc/mosquitto/ca.pem
keyfile /etc/mosquitto/key.pem
"""


def passing(box: Machine) -> list[Check]:
    """What keeps it from working, and passes: back within 10 s of its end."""
    _prepare(box)
    box.table += ["| condition | meanwhile | what it says | back after, s |", "|---|---|---|---|"]
    return [_passes(box, condition) for condition in CONDITIONS]


def _prepare(box: Machine) -> None:
    """A TLS listener of the broker, a recording, and the programs that hold and feed."""
    certificate, key = box.root / "etc/drsn-agent/ca.pem", box.root / "etc/mosquitto/key.pem"
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", str(key)]
    name = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *name, "-out", certificate], check=True, capture_output=True)
    box.ask("cp /etc/drsn-agent/ca.pem /etc/mosquitto/; chmod 0644 /etc/mosquitto/*.pem")
    (box.root / "etc/mosquitto/conf.d/agent.conf").write_text(BROKER + TLS)
    box.ask("systemctl restart mosquitto")
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * 10_000)
    soundfile.write(box.root / "srv/recording.wav", noise, 10_000, subtype="PCM_16")
    for program in ("feeder.py", "holder.py"):
        text = Path(__file__).with_name(program).read_text()
        (box.root / "root" / program).write_text(text)


def _passes(box: Machine, condition: Condition) -> Check:
    box.ask(f"systemctl stop {UNIT}")
    (box.root / "etc/drsn-agent/config.yaml").write_text(json.dumps(_tree(condition)))
    box.ask(condition.begin)
    since_s = time.time()
    box.ask(f"systemctl restart --no-block {UNIT}")
    try:
        line = _refusal(box, condition, since_s)
        before = _windows(box)
        box.ask(condition.end)
        back_s = box.until(lambda: _windows(box) > before, 60)
    except TimeoutError as late:
        line, back_s = str(late), float("inf")
        box.show(f"journalctl -q -o cat -u {UNIT} --since @{since_s:.0f} | tail -20")
        box.ask(condition.end)
    box.ask(f"systemctl stop {UNIT}; {condition.after}")
    meanwhile = "waits" if condition.code is None else f"ends with {condition.code}"
    box.table.append(f"| {condition.words} | {meanwhile} | `{line}` | {back_s:.1f} |")
    print(box.table[-1], flush=True)
    return Check(condition.words, f"{back_s:.1f} s", back_s <= BACK_S)


def _tree(condition: Condition) -> Tree:
    source = {"name": "machine", "kind": "synth", "model": "bearing", "publish_windows": True}
    source |= condition.source
    if source["kind"] == "synth":
        source["repeat"] = True
    mqtt = {"username": "press-04", "will_delay_s": 0, "reconnect_max_s": 5}
    mqtt["password_file"] = f"{SECRETS}/mqtt-password"
    tree: Tree = {"agent": {"id": "press-04", "health_s": 1}, "mqtt": mqtt, "sources": [source]}
    for section, keys in condition.sections.items():
        tree[section] = tree.get(section, {}) | keys
    return tree


def _refusal(box: Machine, condition: Condition, since_s: float) -> str:
    """Waits until the agent has tried in vain for a while; its line that names the condition."""
    code = f"status={condition.code}/"
    journal: list[str] = []

    def tried() -> bool:
        asked = f"journalctl -q -o cat -u {UNIT} --since @{since_s:.3f}"
        journal[:] = box.ask(asked).splitlines()
        often = condition.code is None or sum(code in line for line in journal) >= 2
        return often and any(re.search(condition.named, line) for line in journal)

    box.until(tried, 60)
    if condition.code is None:
        time.sleep(HOLD_S)
        if (state := prop(box, "ActiveState")) != "active":
            raise TimeoutError(f"found the unit {state}, expected it to wait")
    return next(line for line in journal if re.search(condition.named, line))


def _windows(box: Machine) -> int:
    return (box.root / "root/heard").read_bytes().count(b"/window {")
