"""`python -m tests.node_red COMMAND`: the flow in deploy/subscribers in a real Node-RED.

COMMAND starts Node-RED, e.g. `npx node-red`. A broker, the flow on it, and an agent whose machine
gets loud: the alarm must be given once for each event, also where an event is delivered twice.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import yaml

from tests.conftest import Broker, eventually, free_port, quiet_then_loud
from tests.support import tiny
from tests.support.listening import Listening
from tests.support.paths import PROJECT

FLOW = PROJECT / "deploy" / "subscribers" / "node-red.json"


@contextlib.contextmanager
def node_red(command: str, folder: Path, broker: int) -> Iterator[Path]:
    """Running with the flow, connected to that broker; its log."""
    flow = json.loads(FLOW.read_text())
    for node in flow:
        if node["type"] == "mqtt-broker":
            node["port"] = str(broker)
    (folder / "flows.json").write_text(json.dumps(flow))
    port = str(free_port())
    settings = ["-D", "uiHost=127.0.0.1", "-D", "telemetry.enabled=false"]
    line = [*shlex.split(command), "-u", str(folder), "-p", port, *settings, "flows.json"]
    log = folder / "node-red.log"
    with log.open("wb") as out:
        process = subprocess.Popen(line, stdout=out, stderr=out, start_new_session=True)
    try:
        eventually(lambda: "Connected to broker" in log.read_text(), 120, "Node-RED is connected")
        yield log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def agent(folder: Path, broker: int) -> None:
    """One that ends: its machine is quiet, then loud."""
    path = folder / "loud.wav"
    soundfile.write(path, np.clip(quiet_then_loud(7000), -0.999, 0.999), 1000, subtype="PCM_16")
    source = {"name": "bearing-de", "kind": "file", "path": str(path), "pace": "fast"}
    tree = {
        "agent": {"id": "press-04", "state_dir": str(folder / "state")},
        "mqtt": {"port": broker},
        "sources": [source | {"model": str(tiny.write(folder / "tiny.onnx"))}],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "agent", "run", "--config", str(folder / "config.yaml")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def main() -> int:
    command = " ".join(sys.argv[1:]) or "npx node-red"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder).start()
        try:
            with (
                Listening(broker.port, "drsn/+/+/event") as events,
                Listening(broker.port, "alarms/#") as alarms,
                node_red(command, folder, broker.port) as log,
            ):
                agent(folder, broker.port)
                (fault,) = [e for e in events.of("event") if e["decision"] == "fault"]
                again = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-s", "-t"]
                topic = "drsn/press-04/bearing-de/event"
                for said in (fault, fault | {"seq": 10**6, "decision": "normal"}):
                    payload = json.dumps(said).encode()
                    subprocess.run([*again, topic], input=payload, check=True)
                eventually(lambda: len(alarms.received) >= 3, 20, "the last alarm")
                told = alarms.of("bearing-de")
                complaints = [line for line in log.read_text().splitlines() if "[error]" in line]
        finally:
            broker.stop()
    for each in told:
        print(json.dumps(each))
    good = [each["alarm"] for each in told] == [False, True, False] and told[1]["label"] == "loud"
    print("pass" if good and not complaints else f"FAIL {complaints}")
    return 0 if good and not complaints else 1


if __name__ == "__main__":
    sys.exit(main())
