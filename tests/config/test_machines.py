"""`machines`: which names there may be, and what a mistake is told as."""

from typing import Any

import pytest

from agent.config import load
from agent.core.errors import ConfigError
from agent.core.place import Place

SOURCES = [
    {
        "name": "motor",
        "kind": "synth",
        "points": [
            {"name": "motor-x", "channels": [0], "direction": "horizontal"},
            {"name": "motor-y", "channels": [0]},
        ],
    },
    {"name": "gearbox", "kind": "synth"},
    {"name": "pump", "kind": "synth"},
]


def parsed(*machines: dict[str, Any], **sections: Any) -> load.Config:
    return load.parse({"sources": SOURCES, "machines": list(machines)} | sections)


def test_a_machine_takes_points_of_several_devices_and_all_of_one() -> None:
    machine = {"name": "press", "points": ["motor", "gearbox"], "site": "plant 2", "area": "hall B"}
    places = {item.common.name: item.place for item in parsed(machine).sources}
    here = {"site": "plant 2", "area": "hall B", "machine": "press"}
    assert places == {
        "motor-x": Place(direction="horizontal", **here),
        "motor-y": Place(**here),
        "gearbox": Place(**here),
        "pump": None,
    }


WRONG: dict[str, list[dict[str, Any]]] = {
    "machines[0].name: found 'motor-x' twice": [{"name": "motor-x", "points": ["pump"]}],
    "machines[0].name: found 'motor' twice": [{"name": "motor", "points": ["pump"]}],
    "machines[0].name: found 'pump' twice": [{"name": "pump", "points": ["pump"]}],
    "machines[1].name: found 'a' twice": [
        {"name": "a", "points": ["pump"]},
        {"name": "a", "points": ["motor"]},
    ],
    "machines[0].points[1]: found 'fan', expected a source or a point: motor-x, motor-y": [
        {"name": "a", "points": ["pump", "fan"]}
    ],
    "machines[1].points[0]: found 'motor-y' of a, expected one machine a point": [
        {"name": "a", "points": ["motor"]},
        {"name": "b", "points": ["motor-y"]},
    ],
    "machines[0].points: found []": [{"name": "a", "points": []}],
    "machines[0].name: found 'a b'": [{"name": "a b", "points": ["pump"]}],
    "machines[0].site: found ''": [{"name": "a", "points": ["pump"], "site": ""}],
    "machines[0].point: found an unknown key, did you mean points": [{"name": "a", "point": []}],
    "machines[0].points: found nothing": [{"name": "a"}],
}


@pytest.mark.parametrize("words", WRONG)
def test_a_mistake_is_one_line_that_names_the_machine(words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parsed(*WRONG[words])
    assert str(error.value).startswith(words)
    assert "\n" not in str(error.value)


def test_where_commands_come_no_machine_may_speak() -> None:
    with pytest.raises(ConfigError, match="the name cmd"):
        parsed({"name": "cmd", "points": ["pump"]}, commands={"allow": ["ping"]})
