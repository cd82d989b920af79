"""What an agent goes through with one broker, and what came of it.

An independent subscriber listens all the time. After each outage it is there before the agent,
whose cable to the broker carries nothing until then.
"""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.brokers.agent import AGENT, OWN, STATE, STATUS, TriedAgent
from tests.brokers.recipe import Recipe, RunningBroker
from tests.brokers.subscriber import Ear, await_passed_on, publish, retained
from tests.conftest import Publication, eventually
from tests.faults.proxy import Proxy

ALL = ("drsn/#", "homeassistant/#")
KEPT = "drsn-test/kept"
WILL_S = 12.0  # the longest wait for a last will
MISSED = ("is left out", "set aside", "Traceback")


@dataclass(frozen=True)
class Pace:
    """How long each step takes."""

    windows: int = 30  # to wait for; 3 s of a simulated machine
    outage_s: float = 2.0
    persist_s: float = 1.5  # before the broker is killed: some persist now and then


@dataclass(frozen=True)
class Arrived:
    """The numbers of one epoch, as they were heard."""

    last_seq: int
    lost: int
    duplicates: int
    in_order: bool  # by the first time that each was heard


@dataclass(frozen=True)
class Outcome:
    """One broker with one `mqtt.version`."""

    configured: str
    used: str  # MQTT version
    first_s: float  # from the agent's start to `online`
    arrived: Arrived
    keeps_retained: bool  # over its own kill
    state_after_restart: bool  # for a late subscriber, on the exact topic
    by_wildcard: bool  # retained messages match drsn/#
    described: bool  # Home Assistant's discovery is retained
    will_s: float | None  # from the agent's kill to `offline`
    will_retained: bool
    farewell: bool  # `offline` retained after SIGTERM, exit code 0
    remarks: tuple[str, ...]  # of the agent's log


def try_broker(recipe: Recipe, configured: str, folder: Path, pace: Pace = Pace()) -> Outcome:
    """Goes through everything once, in about half a minute at the usual pace."""
    folder.mkdir(parents=True, exist_ok=True)
    with RunningBroker(recipe, folder) as broker, Proxy(broker.port) as cable:
        agent = TriedAgent(broker, cable.port, configured, folder)
        try:
            return _Trial(broker, cable, agent, pace).run()
        finally:
            agent.end()


class _Trial:
    def __init__(self, broker: RunningBroker, cable: Proxy, agent: TriedAgent, pace: Pace) -> None:
        self._broker, self._cable, self._agent, self._pace = broker, cable, agent, pace
        self._heard: list[Publication] = []
        self._ear = Ear(broker, *ALL)

    def run(self) -> Outcome:
        publish(self._broker, KEPT, b"yes", retain=True)
        began_s = time.monotonic()
        self._agent.start()
        first_s = time.monotonic() - began_s
        self._await_windows()
        self._break_cable()
        keeps = self._restart_broker()
        by_wildcard = STATE in retained(self._broker, "drsn/#")
        state = retained(self._broker, STATE)
        described = self._described()
        will_s, will_retained = self._kill_agent()
        self._agent.start()
        self._await_windows()
        code = self._agent.stop()
        farewell = code == 0 and retained(self._broker, STATUS).get(STATUS) == b"offline"
        self._ear.close()
        heard = [*self._heard, *self._ear.received]
        return Outcome(
            configured=self._agent.version,
            used=_used(self._agent.logged()),
            first_s=first_s,
            arrived=_arrived(heard),
            keeps_retained=keeps,
            state_after_restart=STATE in state,
            by_wildcard=by_wildcard,
            described=described,
            will_s=will_s,
            will_retained=will_retained,
            farewell=farewell,
            remarks=_remarks(self._agent.logged()),
        )

    def _await_windows(self) -> None:
        before = len(self._ear.of("window"))
        eventually(
            lambda: len(self._ear.of("window")) >= before + self._pace.windows,
            60,
            "windows are published",
        )

    def _break_cable(self) -> None:
        """Everything is lost for a while, then the connections break."""
        self._cable.lose_up = self._cable.lose_down = True
        time.sleep(self._pace.outage_s)
        self._cable.cut()
        self._cable.lose_up = self._cable.lose_down = False
        self._await_windows()

    def _restart_broker(self) -> bool:
        """Whether the broker still has what it retained."""
        time.sleep(self._pace.persist_s)
        self._cable.lose_up = self._cable.lose_down = True
        await_passed_on(self._ear, self._broker)
        self._broker.kill()
        self._heard += self._ear.received
        time.sleep(self._pace.outage_s)
        self._broker.start()
        keeps = KEPT in retained(self._broker, KEPT)
        self._ear = Ear(self._broker, *ALL)
        self._cable.cut()
        self._cable.lose_up = self._cable.lose_down = False
        self._await_windows()
        return keeps

    def _described(self) -> bool:
        """Discovery is on topics that the subscriber has heard; are they retained?"""
        topics = {item.topic for item in self._ear.received if item.topic.endswith("/config")}
        return bool(topics) and topics <= set(retained(self._broker, *topics))

    def _kill_agent(self) -> tuple[float | None, bool]:
        before = len(self._ear.of("status"))
        killed_s = time.monotonic()
        self._agent.kill()
        while time.monotonic() - killed_s < WILL_S:
            if b"offline" in [item.payload for item in self._ear.of("status")[before:]]:
                will_s = time.monotonic() - killed_s
                return will_s, retained(self._broker, STATUS).get(STATUS) == b"offline"
            time.sleep(0.02)
        return None, False


def _arrived(heard: Iterable[Publication]) -> Arrived:
    live = [item for item in heard if not item.retained and item.topic.startswith(OWN)]
    records = [json.loads(item.payload) for item in live if item.payload.startswith(b"{")]
    numbered = [record for record in records if record.get("seq") and record["agent"] == AGENT]
    assert len({record["epoch"] for record in numbered}) == 1, "one outbox, one epoch"
    everything = {record["seq"] for record in numbered}
    # What is retained is published again after each connect, under its number.
    seqs = [record["seq"] for record in numbered if not record["schema"].startswith("drsn-state")]
    first_heard = list(dict.fromkeys(seqs))
    return Arrived(
        last_seq=max(everything),
        lost=max(everything) - len(everything),
        duplicates=len(seqs) - len(first_heard),
        in_order=first_heard == sorted(first_heard),
    )


def _used(log: str) -> str:
    versions = [
        line.rpartition(" over MQTT ")[2] for line in log.splitlines() if " over MQTT " in line
    ]
    return versions[-1]


def _remarks(log: str) -> tuple[str, ...]:
    """What the agent said about the broker, once each."""
    marks = (*MISSED, "connecting on other terms", "trying 3.1.1", "mqtt.will_delay_s is 0")
    lines = [line for line in log.splitlines() if any(mark in line for mark in marks)]
    remarks = (re.sub(r"^.*? drsn\.\w+: (127\.0\.0\.1:\d+: )?", "", line) for line in lines)
    return tuple(dict.fromkeys(remarks))
