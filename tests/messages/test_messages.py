"""What is published is what the documents say: schemas, AsyncAPI, topic table, examples."""

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from agent.messages import json_schema
from agent.messages.topics import PUBLISHED, kind_of
from agent.sources.machine_simulator import Spec
from agent.sources.synthetic import DEVELOPING_FAULT
from tests import examples
from tests.conftest import Agent, Broker
from tests.support.listening import Listening
from tests.support.paths import DOCS

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


def validator(last: str) -> jsonschema.Draft202012Validator:
    """Of the file that is checked in, as a subscriber would use it."""
    tree = json.loads((DOCS / "schema" / f"{last}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(tree)
    return jsonschema.Draft202012Validator(tree)


def test_the_documents_are_what_the_records_give() -> None:
    made = json_schema.files()
    kept = {str(path.relative_to(DOCS)) for path in (DOCS / "schema").glob("*")} | {"asyncapi.yaml"}
    assert kept == set(made)
    for name, text in made.items():
        assert (DOCS / name).read_text() == text, f"{name}: run `make contract`"
    document = (DOCS / "MQTT.md").read_text()
    assert examples.put(document, "topics", examples.table()) == document


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    tree = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    for reference in re.findall(r"'\$ref': '([^']+)'", str(tree)):
        if reference.startswith("#/"):
            part = tree
            for step in reference[2:].split("/"):
                part = part[step]
        else:
            assert (DOCS / reference).is_file()


def test_every_example_in_the_document_keeps_its_schema() -> None:
    found = list(examples.examples((DOCS / "MQTT.md").read_text()))
    compact = [(topic, msgspec.json.encode(json.loads(payload))) for topic, payload in found]
    last = [kind_of(topic, payload) for topic, payload in compact]
    kinds = ["command" if each == "capture" else each for each in last]
    assert sorted(kinds) == sorted([*json_schema.schemas(), "command", "announce"])
    for kind, (_, payload) in zip(kinds, found, strict=True):
        validator(kind).validate(json.loads(payload))


def test_a_schema_refuses_what_the_agent_would_not_say() -> None:
    said = dict(examples.examples((DOCS / "MQTT.md").read_text()))
    state = json.loads(said["drsn/press-04/bearing-de/state"])
    broken = (
        {"decision": "maybe"},
        {"seq": 0},
        {"probability": 1.5},
        {"t_start": "yesterday"},
        {"schema": "drsn-event/1"},
    )
    for change in broken:
        with pytest.raises(jsonschema.ValidationError):
            validator("state").validate(state | change)
    validator("state").validate(state | {"a_field_of_a_later_version": 1})


def test_every_message_of_the_demos_scenario_keeps_its_schema_qos_and_retention(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    scenario = [
        {"duration_s": each.duration_s, "fault": each.fault, "severity": list(each.severity)}
        | {"snr_db": list(each.snr_db)}
        for each in DEVELOPING_FAULT
    ]
    source = {"kind": "synth", "pace": "fast", "model": "bearing", "scenario": scenario}
    bearing = msgspec.to_builtins(Spec().bearing.orders)
    tree = settings(broker.port, **source, rpm=1797, bearing=bearing, publish_windows=True)
    tree["agent"]["health_s"] = 0.2
    with Listening(broker.port) as listening:
        assert run_agent(tree).wait() == 0
        listening.until_offline()
    kinds = {each["topic"].rpartition("/")[2] for each in listening.received}
    assert kinds == set(PUBLISHED) - {"gap", "machine", "result", "rollout"}
    assert len(listening.of("window")) == (600_000 - 4096) // 1000 + 1
    assert {"normal", "fault"} <= {each["decision"] for each in listening.of("state")}
    validators = {last: validator(last) for last in json_schema.schemas()}
    for each in listening.received:
        said = PUBLISHED[each["topic"].rpartition("/")[2]]
        if said.record is not None:
            validators[said.last].validate(json.loads(each["payload"]))
        farewell = each["payload"] == "offline"
        assert (each["qos"], bool(each["retain"])) == (1 if farewell else said.qos, said.retained)
        place = "bearing-de/" if said.below else ""
        assert each["topic"] == f"drsn/press-04/{place}{said.last}"
