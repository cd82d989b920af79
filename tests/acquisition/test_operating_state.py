"""Speed and condition as other devices publish them: read, refused, too old."""

import logging

import pytest

from agent.acquisition import published_payloads
from agent.acquisition.operating_state import OperatingState, PublishedReading
from agent.acquisition.published_values import Received
from agent.config.published import Published
from agent.config.source import SourceKeys

TOPIC = "plant/drive-7"


@pytest.mark.parametrize(
    ("payload", "keys", "rpm"),
    [
        (b"1480", {}, 1480.0),
        (b" 1480.5\n", {}, 1480.5),
        (b"-1480", {}, 1480.0),  # the other direction
        (b"0", {}, 0.0),
        (b"24.7", {"factor": 60.0}, 1482.0),
        (b'{"speed": 1480}', {"field": "speed"}, 1480.0),
        (b'{"drive": {"speed": "1480"}}', {"field": "drive.speed"}, 1480.0),
    ],
)
def test_a_speed_is_a_number_or_a_field_of_an_object(
    payload: bytes, keys: dict[str, object], rpm: float
) -> None:
    published = Published(topic=TOPIC, **keys)  # type: ignore[arg-type]
    assert published_payloads.rpm(payload, published) == pytest.approx(rpm)


@pytest.mark.parametrize(
    ("payload", "keys"),
    [
        (b"", {}),
        (b"fast", {}),
        (b"nan", {}),
        (b"1e400", {}),
        (b"1e7", {}),
        (b"\xff\xfe", {}),
        (b"x" * 70_000, {}),
        (b"1480", {"field": "speed"}),
        (b'{"rpm": 1480}', {"field": "speed"}),
        (b'{"speed": true}', {"field": "speed"}),
        (b'{"speed": [1]}', {"field": "speed"}),
        (b'{"speed": NaN}', {"field": "speed"}),
        (b"[" * 5000, {"field": "speed"}),
    ],
)
def test_what_is_no_speed_is_refused_in_one_printable_line(
    payload: bytes, keys: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="found") as refused:
        published_payloads.rpm(payload, Published(topic=TOPIC, **keys))  # type: ignore[arg-type]
    assert str(refused.value).isprintable()
    assert "expected" in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("payload", "limits", "name"),
    [
        (b"full load", (), "full load"),
        (b"3", (), "3"),
        (b"12.5", (25.0, 75.0), "below 25"),
        (b"25", (25.0, 75.0), "25 to 75"),
        (b"99", (25.0, 75.0), "75 and above"),
    ],
)
def test_a_condition_is_a_name_or_the_range_of_a_number(
    payload: bytes, limits: tuple[float, ...], name: str
) -> None:
    assert published_payloads.condition_name(payload, Published(topic=TOPIC, limits=limits)) == name


@pytest.mark.parametrize("payload", [b"", b"  ", b"x" * 65, b"full\x1b[2Jload", b"a\nb"])
def test_what_is_no_name_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        published_payloads.condition_name(payload, Published(topic=TOPIC))


class Broker:
    """Its last message by topic."""

    def __init__(self) -> None:
        self.received: dict[str, Received] = {}

    def publish(self, payload: bytes, at_s: float) -> None:
        self.received[TOPIC] = Received(payload, at_s, False)


def speed(broker: Broker, stale_s: float = 60.0) -> PublishedReading[float]:
    published = Published(topic=TOPIC, stale_s=stale_s)
    return PublishedReading(
        "press-04: speed", published, broker.received.get, published_payloads.rpm
    )


def test_a_value_is_known_until_it_is_too_old() -> None:
    broker = Broker()
    reading = speed(broker)
    assert reading.at(100.0) is None
    assert reading.why(100.0) == f"press-04: speed: nothing came on {TOPIC}"
    broker.publish(b"1480", 100.0)
    assert reading.at(160.0) == 1480.0
    assert reading.at(160.1) is None
    assert "found nothing newer than 60 s" in reading.why(160.1)
    broker.publish(b"1490", 170.0)
    assert reading.at(171.0) == 1490.0


def test_a_bad_payload_is_quoted_once_and_the_value_before_it_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker()
    reading = speed(broker)
    broker.publish(b"1480", 100.0)
    assert reading.at(100.0) == 1480.0
    with caplog.at_level(logging.WARNING):
        for at_s in (101.0, 102.0, 103.0):
            broker.publish(b"off\x1b[2J", at_s)
            assert reading.at(at_s) == 1480.0
    assert caplog.messages == [
        f"refused: press-04: speed: {TOPIC}: found 'off\\x1b[2J', expected a number"
    ]
    assert reading.refused is not None
    assert reading.at(161.0) is None  # as old as the last that could be read


def test_a_recording_hears_nothing_and_says_so() -> None:
    common = SourceKeys(
        name="press-04",
        kind="synth",
        speed=Published(topic=TOPIC),
        condition=Published(topic="load"),
    )
    state = OperatingState(common, None)
    missing = state.at(0.0).missing or ""
    assert f"speed: nothing came on {TOPIC}" in missing
    assert "condition: nothing came on load" in missing
