"""A sample of `make brokers-test`: a broker of each MQTT version, with the real agent."""

import time
from pathlib import Path

import pytest

from tests.brokers import subscriber
from tests.brokers.recipe import Recipe
from tests.brokers.recipes import MOSQUITTO_HERE, NATS
from tests.brokers.scenario import Pace, try_broker
from tests.conftest import Publication, needed

QUICK = Pace(windows=3, outage_s=0.2, persist_s=0.0)


@pytest.mark.parametrize(
    ("recipe", "version"), [(MOSQUITTO_HERE, "5"), (NATS, "3.1.1")], ids=["mosquitto", "NATS"]
)
def test_nothing_is_lost_and_a_late_subscriber_knows_how_it_is(
    recipe: Recipe, version: str, tmp_path: Path
) -> None:
    needed("mosquitto", "mosquitto")
    outcome = try_broker(recipe, "auto", tmp_path, QUICK)
    assert outcome.used == version
    assert (outcome.arrived.lost, outcome.arrived.in_order) == (0, True)
    assert outcome.state_after_restart
    assert outcome.described
    assert outcome.will_retained
    assert outcome.farewell


def test_a_subscriber_that_is_late_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is killed when the subscriber has everything, however busy the machine is."""
    needed("mosquitto", "mosquitto")

    def late(topic: str, payload: bytes, retained: bool) -> Publication:
        time.sleep(0.04)
        return Publication(topic, payload, retained)

    monkeypatch.setattr(subscriber, "Publication", late)
    outcome = try_broker(MOSQUITTO_HERE, "auto", tmp_path, QUICK)
    assert (outcome.arrived.lost, outcome.arrived.in_order) == (0, True)
