"""The blueprint of Home Assistant fits the alarm's entity; it is not tried in a Home Assistant."""

import json
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

from agent.core.alarms import ALARMS, AlarmBasis
from agent.messages import homeassistant
from tests.messages.test_homeassistant import TOPICS, info
from tests.support.paths import PROJECT

FILE = PROJECT / "deploy" / "subscribers" / "home-assistant-blueprint.yaml"


class Input(str):
    """A value that the person who uses the blueprint gives."""


class Loader(yaml.SafeLoader):
    """YAML with Home Assistant's tag `!input`."""


Loader.add_constructor("!input", lambda _loader, node: Input(node.value))
BLUEPRINT: dict[str, Any] = yaml.load(FILE.read_text(), Loader)


def test_every_input_is_used_and_no_other() -> None:
    used = {BLUEPRINT["actions"], *(item["entity_id"] for item in BLUEPRINT["triggers"])}
    assert all(isinstance(item, Input) for item in used)
    assert used == set(BLUEPRINT["blueprint"]["input"])


def test_it_runs_when_an_alarm_is_raised_and_never_when_it_ends_or_comes_back() -> None:
    def runs(before: str, after: str) -> bool:
        return any(
            before in _words(item["from"]) and after in _words(item["to"])
            for item in BLUEPRINT["triggers"]
        )

    raised = {(before, after) for before in ALARMS for after in ALARMS if runs(before, after)}
    assert raised == {("none", "warning"), ("none", "alarm"), ("warning", "alarm")}
    assert not any(runs(absent, "alarm") for absent in ("unavailable", "unknown"))


def test_its_variables_are_attributes_of_the_alarms_entity() -> None:
    _, device = homeassistant.configs(TOPICS, [info("fan")])
    part = json.loads(device.payload)["cmps"]["alarm"]
    assert part["options"] == list(ALARMS)
    basis = {"since": "now", "sentence": "Alarm: loud.", "event_id": 7}
    text = jinja2.Template(part["json_attr_tpl"]).render(value_json={"alarm_basis": basis})
    state = SimpleNamespace(state="alarm", attributes={"friendly_name": "fan"} | json.loads(text))
    trigger = SimpleNamespace(to_state=state)
    shown: dict[str, str] = {}
    for name, template in BLUEPRINT["variables"].items():
        shown[name] = jinja2.Template(template).render(trigger=trigger, **shown)
    assert shown == basis | {"level": "alarm", "name": "fan", "event_id": "7"}
    assert set(basis) <= set(AlarmBasis.__struct_fields__)


def _words(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
