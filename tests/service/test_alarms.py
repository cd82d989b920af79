"""The real process raises an alarm, holds it over a restart, and obeys what people say of it."""

import datetime
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from agent.cli import main
from agent.delivery.journal import reading
from agent.delivery.journal.events import JournalEvent
from agent.delivery.journal.reading import Selection
from agent.messages import json_schema
from agent.messages.topics import PUBLISHED
from tests.conftest import Agent, Broker, eventually
from tests.support.listening import Listening

OF_0_2 = json.loads((Path(__file__).parent / "v0_2" / "schemas.json").read_text())
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
MACHINE: dict[str, Any] = {"kind": "synth", "rate_hz": 1000.0, "repeat": True, "name": "fan"}
LOUD, QUIET = 10.0, 0.01  # `scale`: the tiny model calls loud a fault
VERBS = ["acknowledge", "comment", "label", "maintenance"]


class People:
    """Somebody who hears the agent and sends it commands."""

    def __init__(self, broker: Broker, listening: Listening) -> None:
        self._port = broker.port
        self._listening = listening
        self._asked = 0

    def state(self) -> dict[str, Any]:
        states = self._listening.of("state")
        return states[-1] if states else {}

    def until(self, what: str, check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        eventually(lambda: bool(self.state()) and check(self.state()), 30, what)
        return self.state()

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """The result of that command."""
        self._asked += 1
        id = f"{self._asked}-{time.monotonic_ns()}"
        payload = json.dumps({"id": id, "expires": in_s(60), "arguments": arguments})
        topic = f"drsn/press-04/cmd/{verb}"
        line = ["mosquitto_pub", "-p", str(self._port), "-q", "1", "-t", topic, "-m", payload]
        subprocess.run(line, check=True)
        results: list[dict[str, Any]] = []

        def answered() -> bool:
            results[:] = [item for item in self._listening.of("result") if item["id"] == id]
            return bool(results)

        eventually(answered, 10, f"a result of {verb}")
        return results[0]


def in_s(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.isoformat()


def events(tree: dict[str, Any], **selection: Any) -> list[JournalEvent]:
    path = Path(tree["agent"]["state_dir"]) / "events.sqlite"
    return reading.read(path, Selection(**selection))


@pytest.mark.timeout(150)
def test_an_alarm_is_raised_held_over_a_restart_and_ends_when_it_is_acknowledged(
    broker: Broker, run_agent: Start, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = settings(broker.port, **MACHINE, scale=LOUD)
    tree |= {"alarms": {"delay_s": 1.0, "clear_s": 1.0}, "commands": {"allow": VERBS}}
    with Listening(broker.port) as listening:
        people = People(broker, listening)
        agent = run_agent(tree)
        raised = people.until("an alarm", lambda state: state["alarm"] == "alarm")
        assert raised["alarm_basis"]["sentence"] == "Alarm: the decision is fault loud."
        assert [item["decision"] for item in listening.of("event")].count("fault") == 1
        assert agent.stop() == 0
        (event,) = events(tree, kinds=("alarm",))
        assert (event.id, event.t) == (
            raised["alarm_basis"]["event_id"],
            raised["alarm_basis"]["since"],
        )
        tree["sources"][0]["scale"] = QUIET
        agent = run_agent(tree)
        held = people.until("its cause gone", lambda state: not state["alarm_basis"]["active"])
        assert (held["decision"], held["alarm"]) == ("normal", "alarm")
        assert held["alarm_basis"] == raised["alarm_basis"] | {"active": False}
        annotate(people, event, tree)
        see_on_the_box(agent, event, capsys)
        result = people.ask("acknowledge", source="fan", by="anna")
        assert (result["ok"], result["event_id"]) == (True, event.id)
        people.until("no alarm", lambda state: state["alarm"] == "none")
        assert people.ask("acknowledge", source="fan")["why"] == (
            "the source has neither a warning nor an alarm"
        )
        eventually(lambda: bool(events(tree, id=event.id)[0].acknowledged_at), 5, "the row")
        assert events(tree, id=event.id)[0].acknowledged_by == "anna"
        assert [item.alarm for item in events(tree, kinds=("alarm",))] == ["none", "alarm"]
        assert agent.stop() == 0
        for schema in (json_schema.of(PUBLISHED["state"]), OF_0_2["state"]):
            for state in listening.of("state"):
                jsonschema.Draft202012Validator(schema).validate(state)


def annotate(people: People, event: JournalEvent, tree: dict[str, Any]) -> None:
    """Without a number the newest raised alarm is meant, whatever the state is by now."""
    assert people.ask("comment", source="fan", text="greased")["event_id"] == event.id
    named = people.ask("label", source="fan", label="false_alarm", event_id=event.id)
    assert named["ok"]
    eventually(lambda: events(tree, id=event.id)[0].label is not None, 5, "the row")
    assert events(tree, id=event.id)[0].comment == "greased"
    wrong = people.ask("label", source="fan", label="x", event_id=10_000)
    assert wrong["why"] == "event_id: found 10000, expected the number of an event of the source"


def see_on_the_box(agent: Agent, event: JournalEvent, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb beside the running agent, without any broker."""
    config = ["--config", str(agent.process.args[-1])]  # type: ignore[index]
    assert main.main(["alarms", "comment", "fan", "it was dry", *config]) == 0
    assert capsys.readouterr().out == f"comment: fan, event {event.id}\n"
    assert main.main(["alarms", "label", "fan", "x", "--event", "999", *config]) == 1
    assert "event_id: found 999" in capsys.readouterr().err
    assert main.main(["alarms", "--utc", *config]) == 0
    standing, _, row = capsys.readouterr().out.splitlines()
    assert standing.startswith("fan: alarm since 20")
    assert standing.endswith("not acknowledged; its cause has gone")
    assert row.endswith('Alarm: the decision is fault loud.; label false_alarm; "it was dry"')
    assert row.split()[:1] == [str(event.id)]


def reload(agent: Agent, **changes: Any) -> None:
    """Has the agent read its configuration again, with those keys of its source."""
    file = Path(agent.process.args[-1])  # type: ignore[index, arg-type]
    tree = yaml.safe_load(file.read_text())
    tree["sources"][0] |= changes
    file.write_text(yaml.safe_dump(tree))
    agent.process.send_signal(signal.SIGHUP)


@pytest.mark.timeout(120)
def test_in_maintenance_decisions_go_on_and_no_alarm_is_raised(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    tree = settings(broker.port, **MACHINE, scale=LOUD, maintenance=True)
    tree |= {"alarms": {"delay_s": 1.0}, "commands": {"allow": VERBS}}
    with Listening(broker.port) as listening:
        people = People(broker, listening)
        agent = run_agent(tree)
        state = people.until("a fault", lambda state: state["decision"] == "fault")
        assert state["maintenance"]["by"] == "configuration"
        refused = people.ask("maintenance", source="fan", on=False)
        assert "key `maintenance`" in refused["why"]
        assert agent.stop() == 0
        del tree["sources"][0]["maintenance"]
        agent = run_agent(tree)
        people.until("no maintenance", lambda state: state["maintenance"] is None)
        assert people.ask("maintenance", source="fan", on=True, until=in_s(1.5), by="ben")["until"]
        maintained = people.until("maintenance", lambda state: bool(state["maintenance"]))
        assert maintained["alarm"] == "none"
        eventually(
            lambda: bool(listening.of("info")[-1]["sources"][0]["maintenance"]), 5, "in info"
        )
        over = people.until("its end", lambda state: state["maintenance"] is None)
        assert over["alarm"] == "none", "it is counted afresh"
        raised = people.until("the alarm after it", lambda state: state["alarm"] == "alarm")
        reload(agent, buffer_s=9.0)
        eventually(lambda: "added fan" in agent.logged(), 10, "the source configured anew")
        seen = len(listening.of("state"))
        held = people.until("its state", lambda _: len(listening.of("state")) > seen)
        assert held["alarm_basis"] == raised["alarm_basis"], "it stands as before"
        assert people.ask("maintenance", source="fan", on=True, until=in_s(-3))["ok"] is False
        assert agent.stop() == 0
    sentences = [item.sentence for item in events(tree, kinds=("maintenance",))][::-1]
    assert sentences[0] == "Maintenance by configuration: no alarm is raised."
    assert sentences[1] == sentences[3] == "Maintenance is over."
    assert sentences[2].startswith("Maintenance by ben until 2")
