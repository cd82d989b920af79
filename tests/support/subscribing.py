"""What every subscriber of the tests and benchmarks does when it is connected."""

from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho


def to(*topics: str, qos: int = 1) -> Callable[..., None]:
    """A callback for paho's `on_connect`: subscribes, on every connection anew."""

    def subscribe(client: paho.Client, *_: Any) -> None:
        client.subscribe([(topic, qos) for topic in topics])

    return subscribe
