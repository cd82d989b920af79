"""`python -m tests.home_assistant TOOL FOLDER [--write]`: what a real Home Assistant makes of us.

TOOL is called as `TOOL run FOLDER PORT SECONDS`: it starts Home Assistant (2024.11 or later, not
yet onboarded, web interface on 127.0.0.1:18123) with its MQTT integration on the broker
at 127.0.0.1:PORT and ends after that time. Everything is read from Home Assistant's own interface.
`--write` puts what it saw in docs/HOME_ASSISTANT.md.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.conftest import Broker
from tests.examples import put
from tests.support import tiny
from tests.support.listening import Listening
from tests.support.paths import DOCS

DOCUMENT = DOCS / "HOME_ASSISTANT.md"
WEB = "http://127.0.0.1:18123"
RUN_S = 420
RATE_HZ = 1000
PHASE = {"duration_s": 8.0, "snr_db": [8.0, 8.0]}


class Web:
    """Home Assistant's REST interface, as its first user."""

    def __init__(self) -> None:
        self._token = ""

    def begin(self) -> None:
        user = {"client_id": f"{WEB}/", "name": "test", "username": "test", "language": "en"}
        code = self._post("/api/onboarding/users", user | {"password": "only-for-this-test"})
        grant = {"grant_type": "authorization_code", "client_id": f"{WEB}/"}
        form = urllib.parse.urlencode(grant | {"code": code["auth_code"]}).encode()
        with urllib.request.urlopen(f"{WEB}/auth/token", form, 10) as answer:
            self._token = json.load(answer)["access_token"]

    def states(self) -> dict[str, str]:
        """Of our entities."""
        request = urllib.request.Request(f"{WEB}/api/states", headers=self._headers())
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = json.load(answer)
        return {e["entity_id"]: e["state"] for e in found if ".press_04" in e["entity_id"]}

    def device(self, entity: str, what: str) -> str:
        return self.template(f"{{{{ device_attr(device_id('{entity}'), '{what}') }}}}")

    def attributes(self, entity: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{WEB}/api/states/{entity}", headers=self._headers())
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)["attributes"]
        return found

    def press(self, button: str) -> None:
        self._post("/api/services/button/press", {"entity_id": button})

    def turn(self, switch: str, to: str) -> None:
        self._post(f"/api/services/switch/turn_{to}", {"entity_id": switch})

    def template(self, text: str) -> str:
        return str(self._post("/api/template", {"template": text}, plain=True))

    def _post(self, path: str, body: object, plain: bool = False) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{WEB}{path}", data, self._headers())
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode() if plain else json.load(answer)

    def _headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}


class Sensor:
    """A sensor over TCP that can be pulled."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pulled = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def pull(self) -> None:
        self._pulled.set()
        self._listener.close()

    def _serve(self) -> None:
        noise = np.random.default_rng(0)
        with contextlib.suppress(OSError):
            while not self._pulled.is_set():
                reader, _ = self._listener.accept()
                with reader, contextlib.suppress(OSError):
                    while not self._pulled.wait(0.1):
                        block = 0.1 * noise.standard_normal(RATE_HZ // 10)
                        reader.sendall(block.astype(np.float32).tobytes())


def settings(folder: Path, broker: int, sensor: int | None) -> dict[str, Any]:
    scenario = [PHASE, PHASE | {"fault": "outer"}]
    bearing = {"name": "bearing-de", "kind": "synth", "model": "bearing", "repeat": True}
    bearing |= {"measure_s": 2.0, "rpm": 1797.0, "unit": "m/s2", "bearing": "6205"}
    bearing |= {"machine_class": "group2-rigid"}
    fan: dict[str, Any] = {"name": "fan", "kind": "stream", "model": str(folder / "tiny.onnx")}
    fan |= {"rate_hz": RATE_HZ, "dtype": "float32", "url": f"tcp://127.0.0.1:{sensor}"}
    machine = {"name": "line", "area": "hall B"}
    points = ["bearing-de"] if sensor is None else ["bearing-de", "fan"]
    return {
        "agent": {"id": "press-04", "state_dir": str(folder / "state"), "health_s": 2.0},
        "mqtt": {"port": broker, "home_assistant": True},
        "alarms": {"delay_s": 1.0, "clear_s": 1.0},
        "commands": {"allow": ["ping", "acknowledge", "maintenance"]},
        "machines": [machine | {"points": points}],
        "sources": [bearing | {"scenario": scenario}, *([] if sensor is None else [fan])],
    }


def start(folder: Path, tree: dict[str, Any]) -> subprocess.Popen[bytes]:
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "agent", "run", "--config", str(folder / "config.yaml")]
    with (folder / "agent.log").open("ab") as log:
        return subprocess.Popen(command, stderr=log)


class Trial:
    """What is checked, in order; each line is printed with what was seen."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.lines: list[str] = []
        self.passed = True

    def see(self, words: str, wanted: dict[str, str], within_s: float = 60) -> None:
        """Waits until entities have these states."""
        began_s = time.monotonic()

        def shown() -> dict[str, str]:
            states = self.web.states()
            return {entity: states.get(entity, "not there") for entity in wanted}

        while (seen := shown()) != wanted and time.monotonic() - began_s < within_s:
            time.sleep(0.3)
        self.note(words, ", ".join(f"{k} = {v}" for k, v in seen.items()), seen == wanted)

    def note(self, words: str, seen: str, good: bool) -> None:
        self.passed &= good
        line = f"{'pass' if good else 'FAIL'}  {words}: {seen}"
        self.lines.append(line)
        print(line, flush=True)


FAULT, LABEL = "binary_sensor.press_04_bearing_de_fault", "sensor.press_04_bearing_de_label"
BROKEN = "binary_sensor.press_04_fan_sensor_fault"
AGENT = "sensor.press_04_messages_waiting"
VELOCITY, ZONE = "sensor.press_04_bearing_de_velocity", "sensor.press_04_bearing_de_zone"
CHANGE, PING = "event.press_04_bearing_de_change", "button.press_04_ping"
ALARM, SEEN = "sensor.press_04_bearing_de_alarm", "button.press_04_bearing_de_acknowledge_the_alarm"
MAINTENANCE = "switch.press_04_bearing_de_maintenance"
LINE, LINE_ALARM = "sensor.press_04_line_decision", "sensor.press_04_line_alarm"
WORST = "sensor.press_04_line_worst_point"
MODEL = "update.press_04_model_bearing"
ENTITIES = 53


def trial(web: Web, folder: Path, port: int) -> Trial:
    held = Trial(web)
    sensor = Sensor()
    tree = settings(folder, port, sensor.port)
    agent = start(folder, tree)
    try:
        held.see("fault off, and its label", {FAULT: "off", LABEL: "normal"})
        held.see("fault on, and its label", {FAULT: "on", LABEL: "outer"})
        held.see("fault off again", {FAULT: "off"})
        held.see("the other source's sensor is well", {BROKEN: "off"})
        devices = {each: web.device(each, "name") for each in (AGENT, FAULT, BROKEN)}
        expected = ["press-04", "press-04 bearing-de", "press-04 fan"]
        good = list(devices.values()) == expected
        held.note("a device for the agent and one a source", ", ".join(devices.values()), good)
        ids = [web.template(f"{{{{ device_id('{each}') }}}}") for each in (AGENT, LINE)]
        above = [web.device(each, "via_device_id") for each in (LINE, FAULT, BROKEN)]
        hang = "the machine's on the agent's, its sources' on the machine's"
        held.note("where devices hang", hang, above == [ids[0], ids[1], ids[1]])
        before = set(web.states())
        listed = "\n        ".join(sorted(before))
        held.note("entities", f"{len(before)}\n        {listed}", len(before) == ENTITIES)
        _see_levels(held)
        _press_ping(held, port)
        _see_alarm(held)
        sensor.pull()
        held.see("the sensor is pulled", {BROKEN: "on"})
        held.see("the machine's worst point is that one", {LINE: "sensor_fault", WORST: "fan"})
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        held.see("the agent is killed", {FAULT: "unavailable", AGENT: "unavailable"})
        gone = [each for each, state in web.states().items() if state == "unavailable"]
        held.note("is unavailable", f"{len(gone)} of {len(before)}", set(gone) == before)
        agent = start(folder, tree)
        held.see("started again, the same entities", {FAULT: "off", BROKEN: "on"})
        after = set(web.states())
        held.note("ids are the same", f"{len(after & before)} of {len(before)}", after == before)
        agent.terminate()
        agent.wait(10)
        agent = start(folder, settings(folder, port, None))
        without = {AGENT: "0", BROKEN: "not there"}
        held.see("the source is no longer configured", without)
        left = sorted(each for each in web.states() if "fan" in each)
        held.note("of its entities are left", f"{len(left)}", not left)
    finally:
        agent.kill()
        agent.wait()
    return held


def _see_levels(held: Trial) -> None:
    """Levels, the last change, and the model's version."""
    held.see("the zone of a machine that runs", {ZONE: "A"})
    velocity = held.web.states()[VELOCITY]
    unit = held.web.attributes(VELOCITY)["unit_of_measurement"]
    held.note("its velocity", f"{velocity} {unit}", float(velocity) > 0 and unit == "mm/s")
    change = held.web.attributes(CHANGE)
    words = f"{change['event_type']}: {change['why']}"
    held.note("the last change of state", words, change["event_type"] in change["event_types"])
    held.see("the model is up to date", {MODEL: "off"})
    version = str(held.web.attributes(MODEL)["installed_version"])
    held.note("its version", version, version == "1")


def _see_alarm(held: Trial) -> None:
    """The alarm outlives its cause, is acknowledged, and is kept away by maintenance."""
    held.see("the machine is as its worst point", {LINE: "fault", WORST: "bearing-de"})
    held.see("the alarm, latched", {FAULT: "off", ALARM: "alarm", LINE_ALARM: "alarm"})
    sentence = str(held.web.attributes(ALARM)["sentence"])
    held.note("why", sentence, sentence == "Alarm: the decision is fault outer.")
    held.web.turn(MAINTENANCE, "on")
    held.see("maintenance is switched on", {MAINTENANCE: "on"})
    held.web.press(SEEN)
    held.see("the alarm is acknowledged, and over", {ALARM: "none", LINE_ALARM: "none"})
    held.see("a fault in maintenance raises none", {FAULT: "on", ALARM: "none"})
    held.web.turn(MAINTENANCE, "off")
    held.see("maintenance is switched off", {MAINTENANCE: "off"})


def _press_ping(held: Trial, port: int) -> None:
    with Listening(port, "drsn/press-04/cmd/ping/result") as listening:
        held.web.press(PING)
        wait_for(lambda: bool(listening.of("result")), 20, "the command's result")
        result = listening.of("result")[0]
    held.note("the button Ping is pressed", f"ok = {result['ok']}", result["ok"] is True)


@contextlib.contextmanager
def home_assistant(tool: str, folder: str, port: int) -> Iterator[Web]:
    command = [tool, "run", folder, str(port), str(RUN_S)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    web = Web()
    try:
        wait_for(lambda: _begun(web), 180, "Home Assistant's interface")
        yield web
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _begun(web: Web) -> bool:
    try:
        web.begin()
    except (OSError, urllib.error.URLError, ValueError):
        return False
    return True


def wait_for(happened: Callable[[], bool], within_s: float, what: str) -> None:
    deadline_s = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.home_assistant", description=__doc__)
    parser.add_argument("tool", help="starts Home Assistant")
    parser.add_argument("folder", help="where it is installed")
    parser.add_argument("--write", action="store_true", help="put the output in the document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny.write(folder / "tiny.onnx")
        broker = Broker(folder).start()
        try:
            with home_assistant(given.tool, given.folder, broker.port) as web:
                held = trial(web, folder, broker.port)
        finally:
            broker.stop()
    if given.write:
        told = "\n".join(["```", *held.lines, "```"])
        DOCUMENT.write_text(put(DOCUMENT.read_text(), "trial", told))
    return 0 if held.passed else 1


if __name__ == "__main__":
    sys.exit(main())
