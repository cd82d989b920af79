"""What a reload makes of machines that have published before."""

from typing import Any

import msgspec

from agent.config import load
from agent.service.machines import MachineStates


def config(**machine: Any) -> load.Config:
    points = [
        {"name": "x", "channels": [0], "direction": machine.pop("direction", "horizontal")},
        {"name": "y", "channels": [0]},
    ]
    source = {"name": "motor", "kind": "synth", "points": points}
    return load.parse(
        {"sources": [source], "machines": [{"name": "press", "points": ["motor"]} | machine]}
    )


def published(states: MachineStates, new: load.Config) -> list[dict[str, Any]]:
    return [msgspec.json.decode(make("e", 1).payload) for make in states.renew(new)]


def test_a_machine_is_published_again_where_its_place_its_points_or_a_direction_changed() -> None:
    states = MachineStates(config())
    assert published(states, config()) == []
    (moved,) = published(states, config(site="plant 2"))
    assert (moved["site"], moved["decision"], moved["sentence"]) == (
        "plant 2",
        "abstain",
        "x (horizontal): No window has been scored yet.",
    )
    (fewer,) = published(states, config(site="plant 2", points=["y"]))
    assert [point["point"] for point in fewer["points"]] == ["y"]
    assert fewer["previous"] == "abstain"
    published(states, config())
    (turned,) = published(states, config(direction="axial"))
    assert turned["points"][0]["direction"] == "axial"


def test_a_machine_that_is_gone_says_nothing_more() -> None:
    states = MachineStates(config())
    published(states, config(site="plant 2"))
    assert set(states.states) == {"press"}
    other = load.parse({"sources": [{"name": "motor", "kind": "synth"}]})
    assert published(states, other) == []
    assert (states.states, states.infos) == ({}, [])
