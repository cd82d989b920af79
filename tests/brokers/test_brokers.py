"""A sample of `make brokers-test`: a broker of each MQTT version, with the real agent."""

from pathlib import Path

import pytest

from tests.brokers.recipe import Recipe
from tests.brokers.recipes import MOSQUITTO_HERE, NATS
from tests.brokers.scenario import Pace, try_broker
from tests.conftest import needed

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
