"""`model: auto` is the network for what is known of the machine and its sensor."""

from typing import Any

import pytest

from agent.config import load, model_choice
from agent.inference import classifier, zoo

ORDERS = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}


@pytest.mark.parametrize(
    ("keys", "model"),
    [
        ({}, "bearing"),
        ({"rpm": 1480}, "bearing"),
        ({"rpm": 1480, "bearing": ORDERS}, "bearing-orders"),
        ({"tacho": {"channel": 1}, "bearing": ORDERS}, "bearing-orders"),
        ({"rate_hz": 8000}, "bearing"),
        ({"rate_hz": 7999}, "none"),
        ({"rate_hz": 1000, "rpm": 1480, "bearing": ORDERS}, "none"),
    ],
)
@pytest.mark.parametrize("auto", [{}, {"model": "auto"}])
def test_the_model_follows_from_rate_speed_and_bearing(
    keys: dict[str, Any], model: str, auto: dict[str, str]
) -> None:
    source = {"name": "a", "kind": "synth"} | keys | auto
    (settings,) = load.parse({"sources": [source]}).sources
    assert settings.common.model == model
    assert settings.model_choice


def test_a_model_that_is_configured_is_the_users_choice() -> None:
    source = {"name": "a", "kind": "synth", "rate_hz": 1000, "model": "bearing"}
    (settings,) = load.parse({"sources": [source]}).sources
    assert (settings.common.model, settings.model_choice) == ("bearing", None)


@pytest.mark.parametrize("name", [model_choice.BY_SOUND, model_choice.BY_ORDERS])
def test_the_least_rate_is_that_of_the_released_networks(name: str) -> None:
    contract = classifier.load(zoo.find(name)).contract
    assert contract.least_rate_hz == model_choice.LEAST_RATE_HZ
