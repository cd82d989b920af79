"""A sample of `make brokers-test`: a broker of each MQTT version, with the real agent."""

import time
from pathlib import Path

import pytest

from tests.brokers import subscriber
from tests.brokers.recipe import Recipe, RunningBroker
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


def test_a_broker_is_killed_only_when_its_subscriber_has_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the subscriber reads it: on a busy machine it is no loss of the agent's."""
    needed("mosquitto", "mosquitto")

    def late(topic: str, payload: bytes, retained: bool) -> Publication:
        time.sleep(0.05)
        return Publication(topic, payload, retained)

    monkeypatch.setattr(subscriber, "Publication", late)
    with RunningBroker(MOSQUITTO_HERE, tmp_path) as broker:
        ear = subscriber.Ear(broker, "drsn/#")
        publisher = subscriber.client(broker)
        publisher.connect("127.0.0.1", broker.port)
        publisher.loop_start()
        for number in range(30):
            sent = publisher.publish("drsn/late", str(number), 1)
        sent.wait_for_publish(10)
        publisher.loop_stop()
        assert len(ear.received) < 30
        subscriber.await_passed_on(ear, broker)
        broker.kill()
    late_ones = [item.payload for item in ear.of("late")]
    assert late_ones == [b"%d" % number for number in range(30)]
