"""Two clients with one client id: told apart from bad cables and sick brokers, and calm."""

import socket
import time
from pathlib import Path

import pytest

from agent.core.types import Message
from agent.delivery import duplicate_client as rivals
from agent.delivery.duplicate_client import DuplicateClient, Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.mqtt.settings import Mqtt
from tests.conftest import Broker, eventually

WILL = Message(0, "drsn/a/status", b"offline", retain=True)


def identity(topic: str = "drsn/a/info") -> Identity:
    return Identity("same", lambda: WILL, list, topic, lambda info: info != b"me")


def closed(rival: DuplicateClient, *, idle: bool = True, lived_s: float = 0.3) -> tuple[str, str]:
    """The state, and when to come back."""
    lost = rival.closed("why", taken_over=False, idle=idle, lived_s=lived_s)
    if lost.wait_s is None:
        return lost.state, "backoff"
    assert lost.wait_s <= 0.5 or 30 <= lost.wait_s <= 60
    return lost.state, "soon" if lost.wait_s <= 0.5 else "late"


SUSPECTED, KNOWN, ORDINARY = ("lost", "soon"), ("taken_over", "late"), ("lost", "backoff")


def test_three_quick_closes_in_a_row_with_nothing_under_way_are_a_rival() -> None:
    """It comes back soon till it knows, so that the other counts three too; then they part."""
    rival = DuplicateClient(identity())
    assert [closed(rival) for _ in range(2)] == [SUSPECTED] * 2
    assert closed(rival) == ("taken_over", "soon")
    assert [closed(rival, lived_s=lived_s) for lived_s in (0.3, 1000.0, 0.3)] == [KNOWN] * 3


def test_a_cable_that_breaks_in_the_traffic_is_no_rival() -> None:
    rival = DuplicateClient(identity())
    for _ in range(100):
        assert closed(rival) == SUSPECTED
        assert closed(rival, idle=False) == ORDINARY


def test_connections_that_last_are_no_rivals_doing() -> None:
    rival = DuplicateClient(identity())
    assert [closed(rival, lived_s=4) for _ in range(500)] == [ORDINARY] * 500
    for _ in range(100):
        quick = [closed(rival) for _ in range(2)]
        assert [*quick, closed(rival, lived_s=2)] == [SUSPECTED, SUSPECTED, ORDINARY]


def test_a_broker_that_was_away_between_is_no_rival() -> None:
    rival = DuplicateClient(identity())
    for _ in range(10):
        assert closed(rival) == SUSPECTED
        rival.absolve()


def test_two_agents_with_other_names_and_one_client_id_both_say_so_and_keep_apart(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker closes the older one without a reason, and neither hears the other's `info`."""
    monkeypatch.setattr(rivals, "STAND_BACK_S", (1.5, 3.0))
    settings = Mqtt(port=broker.port)
    sinks = [MqttSink(settings, identity(f"drsn/{name}/info")) for name in "ab"]

    def both_know() -> bool:
        for sink in sinks:
            sink.poll(0.01)
        return all(sink._duplicate.about for sink in sinks)

    began_s = time.monotonic()
    eventually(both_know, 20, "both know of the other")
    assert caplog.text.count("taken_over: another agent uses the client id 'same'") == 2
    for sink in sinks:
        sink.close()
    connects = lets_in(broker.folder / "mosquitto.log")
    assert connects <= 12 + 2 * (time.monotonic() - began_s) / 1.5


def lets_in(log: Path) -> int:
    return log.read_text().count("New client connected")


def test_a_broker_that_closes_before_letting_anybody_in_is_no_rival(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.core.backoff.random.uniform", lambda least, most: 0.0)
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.01)
    sink = MqttSink(Mqtt(port=server.getsockname()[1]), identity())
    accepted = 0

    def five_times() -> bool:
        nonlocal accepted
        sink.poll(0.01)
        try:
            connection, _ = server.accept()
        except TimeoutError:
            return accepted >= 5
        accepted += 1
        connection.close()
        return accepted >= 5

    eventually(five_times, 10, "five connections")
    assert not sink._duplicate.about
    sink.close()
    server.close()


def test_what_a_predecessor_left_behind_is_no_rival_and_what_is_said_since_is() -> None:
    """The first session hears what was retained before; a later one, what came meanwhile."""
    duplicate = DuplicateClient(identity())
    assert not duplicate.drives_us_out(b"other", retained=True, session=1)
    assert not duplicate.about
    assert not duplicate.drives_us_out(b"me", retained=True, session=2)
    assert not duplicate.about
    assert not duplicate.drives_us_out(b"other", retained=True, session=2)
    assert duplicate.about


def test_a_rival_explains_only_a_connection_that_the_broker_has_closed() -> None:
    duplicate = DuplicateClient(identity())
    assert not duplicate.drives_us_out(b"other", retained=True, session=2)
    duplicate = DuplicateClient(identity())
    duplicate.closed("why", taken_over=False, idle=False, lived_s=1000.0)
    assert not duplicate.drives_us_out(b"other", retained=False, session=2)
    assert duplicate.drives_us_out(b"other", retained=True, session=2)
