"""`demo` in a terminal: a simulated machine develops a fault while the noise rises.

Everything but the machine is real: a broker on loopback, the agent on the `synth` source, and a
subscriber that prints what it receives over MQTT beside the true state of the machine.
"""

import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config import load
from agent.core import extras
from agent.core.errors import ConditionError, UserError
from agent.service.daemon import Daemon
from agent.sources.machine_simulator import Spec
from agent.sources.synthetic import DEVELOPING_FAULT, Phase

HOST = "127.0.0.1"
BASE, AGENT, SOURCE = "drsn", "demo", "machine"
HOP_S = 0.1
FAREWELL_S = 3.0


def demo(seconds: float, port: int | None) -> int:
    """Runs the scenario, stretched to `seconds`; returns the exit code."""
    if seconds <= 0:
        raise UserError(f"--seconds: found {seconds:g}, expected more than 0")
    phases = _stretched(seconds)
    port = free_port(1883) if port is None else valid_port("--port", port)
    with running_broker(port), tempfile.TemporaryDirectory() as state_dir:
        print(
            f"A bearing's outer race breaks, then the noise rises: {seconds:g} s. Ctrl-C ends it.\n"
            f"broker on {HOST}:{port}; watch it: mosquitto_sub -p {port} -v -t '{BASE}/#'\n"
        )
        print("   time  machine (simulated)         heard over MQTT")
        listener = Listener(port, phases)
        code = Daemon(_config(port, phases, state_dir)).run()
        listener.finish()
    print(f"\n{summary(listener.events, phases)}\n\n{_next()}")
    return code


def running_broker(port: int) -> Any:
    """A broker on loopback, as a context manager; `UserError` where none can be started."""
    try:
        from iotcore import Broker
    except ImportError:
        raise UserError(f"demo needs a broker: {extras.install('demo')}") from None
    try:
        return Broker(port=port, listen=HOST).start()
    except (OSError, RuntimeError) as error:
        raise ConditionError(f"demo's broker: {error}") from None


class Listener:
    """Prints the agent's messages. It is a subscriber like any other."""

    def __init__(self, port: int, phases: tuple[Phase, ...]) -> None:
        self.events: list[dict[str, Any]] = []
        self._phases = phases
        self._offline = threading.Event()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{BASE}/{AGENT}/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self._on_message(message)
        self._client.connect(HOST, port)
        self._client.loop_start()
        self._subscribed.wait(FAREWELL_S)

    def finish(self) -> None:
        """Waits until the agent has published `offline`."""
        self._offline.wait(FAREWELL_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, message: paho.MQTTMessage) -> None:
        last = message.topic.rpartition("/")[2]
        if last == "status":
            print(
                f"                                     {message.topic} = {message.payload.decode()}"
            )
            if message.payload == b"offline":
                self._offline.set()
        elif last in ("window", "event"):
            self._print(last, msgspec.json.decode(message.payload))

    def _print(self, kind: str, record: dict[str, Any]) -> None:
        """Prints every event, and one window for each second."""
        at_s = _end_s(record)
        whole_second = record["first_sample"] % round(record["rate_hz"]) == 0
        if kind == "event":
            label = record["label"] if record["label"] != record["decision"] else None
            self.events.append(record)
            first = len(self.events) == 1
            change = "begins with" if first else f"{record['previous']} ->"
            state = f"{change} {record['decision']} {label or ''}".rstrip()
            print(f"{at_s:6.1f} s  {self._truth(at_s):27} EVENT  {state}", flush=True)
        elif whole_second:
            print(f"{at_s:6.1f} s  {self._truth(at_s):27} {_bar(record)}", flush=True)

    def _truth(self, at_s: float) -> str:
        """The simulated machine's state at that time of the scenario."""
        for phase in self._phases:
            if at_s <= phase.duration_s:
                break
            at_s -= phase.duration_s
        done = min(1.0, at_s / phase.duration_s)
        snr_db = phase.snr_db[0] + done * (phase.snr_db[1] - phase.snr_db[0])
        severity = phase.severity[0] + done * (phase.severity[1] - phase.severity[0])
        grown = "" if phase.fault == "normal" else f" {100 * severity:3.0f} %"
        return f"{phase.fault + grown:12}  SNR {snr_db:+5.1f} dB"


def _end_s(record: dict[str, Any]) -> float:
    """Where the record's window ends, in seconds of the scenario."""
    return float((record["first_sample"] + record["n_samples"]) / record["rate_hz"])


def summary(events: Sequence[dict[str, Any]], phases: tuple[Phase, ...]) -> str:
    """What was found of the scenario's fault, and what was reported beside it."""
    begins_s, ends_s, fault = _fault_of(phases)
    named = [event for event in events if event["decision"] == "fault"]
    during = [event for event in named if begins_s <= _end_s(event) <= ends_s]
    right = next((event for event in during if event["label"] == fault), None)
    if right is None:
        found = f"Not found: the fault {fault}, which began at {begins_s:.0f} s"
    else:
        after_s = _end_s(right) - begins_s
        found = f"Found: fault {fault}, {after_s:.1f} s after it began at {begins_s:.0f} s"
    false_alarms = len(named) - len(during)
    wrong = sum(event["label"] != fault for event in during)
    return f"{found}; {false_alarms} false alarm(s), {wrong} wrong name(s), {len(events)} events."


def _fault_of(phases: tuple[Phase, ...]) -> tuple[float, float, str]:
    """Begin and end of the scenario's fault, in seconds, and its name."""
    at_s, spans = 0.0, []
    for phase in phases:
        if phase.fault != "normal":
            spans.append((at_s, at_s + phase.duration_s, phase.fault))
        at_s += phase.duration_s
    return spans[0][0], spans[-1][1], spans[0][2]


def _next() -> str:
    """What to try next, with the command as it was typed."""
    typed = sys.argv[0] if sys.argv[0].endswith("drsn-agent") else "drsn-agent"
    return (
        "Next:\n"
        f"  {typed} demo --page          a machine to break, in a browser\n"
        f"  {typed} replay FILE.wav      a recording of your own\n"
        f"  {typed} init                 a first config.yaml for a sensor; then: {typed} run"
    )


def _bar(record: dict[str, Any]) -> str:
    if record["probabilities"] is None:
        return f"flagged: {' '.join(record['flags'])}"
    bar = "█" * round(10 * record["probability"])
    snr = "" if record["snr_db"] is None else f"  SNR estimated {record['snr_db']:+5.1f} dB"
    label, probability = record["label"] or record["decision"], record["probability"]
    return f"window {label:8} {probability:.2f} {bar:10}{snr}"


def _stretched(seconds: float) -> tuple[Phase, ...]:
    ratio = seconds / sum(phase.duration_s for phase in DEVELOPING_FAULT)
    return tuple(
        msgspec.structs.replace(phase, duration_s=phase.duration_s * ratio)
        for phase in DEVELOPING_FAULT
    )


def _config(port: int, phases: tuple[Phase, ...], state_dir: str) -> load.Config:
    machine = {
        "name": SOURCE,
        "kind": "synth",
        "rpm": Spec().rpm,
        "bearing": msgspec.to_builtins(Spec().bearing.orders),
        "hop_s": HOP_S,
        "publish_windows": True,
        "scenario": msgspec.to_builtins(phases),
    }
    return load.parse(
        {
            "agent": {"id": AGENT, "state_dir": state_dir},
            "mqtt": {"host": HOST, "port": port, "base": BASE, "version": "3.1.1"},
            "sources": [machine],
        }
    )


def valid_port(option: str, port: int) -> int:
    """Returns the port; `UserError`, naming the option, where it is none."""
    if not 0 < port < 65536:
        raise UserError(f"{option}: found {port}, expected 1 to 65535")
    return port


def free_port(wanted: int) -> int:
    """Returns that port where it is free, else any free port on loopback."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConditionError("demo: found no free port on loopback")
