"""How soon a source that has failed is opened again."""

from typing import Any

import pytest

from agent import sources
from agent.sources import LOCAL_S, REMOTE_S


@pytest.mark.parametrize(
    ("kind", "keys", "expected_s"),
    [
        ("stream", {"url": "/run/sensor", "rate_hz": 1000.0}, LOCAL_S),
        ("stream", {"url": "tcp://sensor:9000", "rate_hz": 1000.0}, REMOTE_S),
        ("serial", {"port": "/dev/ttyUSB0", "rate_hz": 1000.0}, LOCAL_S),
        ("udp", {"listen": "0.0.0.0:5005", "rate_hz": 1000.0}, LOCAL_S),
        ("iio", {"device": "adxl345"}, LOCAL_S),
        ("iio", {"device": "adxl345", "uri": "ip:board"}, REMOTE_S),
        ("mqtt", {"topic": "plant/drive", "rate_hz": 1000.0}, REMOTE_S),
        ("mic", {}, LOCAL_S),
    ],
)
def test_what_is_on_this_machine_is_looked_for_every_two_seconds(
    kind: str, keys: dict[str, Any], expected_s: float
) -> None:
    assert sources.longest_s(kind, sources.options(kind)(**keys)) == expected_s
