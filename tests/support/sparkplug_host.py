"""A Sparkplug host: what edge nodes publish, decoded by another project's messages."""

import time
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from esio_spb_builder.core.sparkplug_b_pb2 import Payload
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import Publication, Subscriber

FIELD_OF = {4: "long_value", 10: "double_value", 11: "boolean_value", 12: "string_value"}


@dataclass(frozen=True)
class NodeMessage:
    """One message of the edge node, as a host has it."""

    kind: str
    device: str | None
    payload: Any

    @property
    def seq(self) -> int | None:
        return self.payload.seq if self.payload.HasField("seq") else None

    @property
    def values(self) -> dict[str, Any]:
        values = {}
        for metric in self.payload.metrics:
            value = getattr(metric, FIELD_OF[metric.datatype])
            values[metric.name] = None if metric.is_null else value
        return values

    @property
    def historical(self) -> set[bool]:
        return {metric.is_historical for metric in self.payload.metrics}


def decode(publication: Publication) -> NodeMessage:
    namespace, group, kind, node, *device = publication.topic.split("/")
    assert (namespace, group, node) == ("spBv1.0", "plant", "press-04")
    assert not publication.retained
    return NodeMessage(kind, device[0] if device else None, Payload.FromString(publication.payload))


class Host(Subscriber):
    """Everything that edge nodes of the group publish."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "spBv1.0/plant/#")

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def messages(self, *kinds: str) -> list[NodeMessage]:
        decoded = [decode(item) for item in list(self.received) if "/NCMD/" not in item.topic]
        return [message for message in decoded if not kinds or message.kind in kinds]

    def sessions(self) -> list[list[NodeMessage]]:
        """Split at every birth of the node; what precedes the first is none."""
        sessions: list[list[NodeMessage]] = []
        for message in self.messages():
            if message.kind == "NBIRTH":
                sessions.append([])
            if sessions and message.kind != "NDEATH":
                sessions[-1].append(message)
        return sessions

    def states(self) -> list[NodeMessage]:
        """Data of events, not of windows."""
        return [message for message in self.messages("DDATA") if "decision" in message.values]


def unit_of(metric: Any) -> str | None:
    """The engineering unit of a metric of a birth; None where it has none."""
    properties = dict(zip(metric.properties.keys, metric.properties.values, strict=True))
    return properties["engUnit"].string_value if "engUnit" in properties else None


def ask_for_rebirth(port: int) -> None:
    command = Payload(timestamp=round(time.time() * 1000))
    command.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=True)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = client.publish("spBv1.0/plant/NCMD/press-04", command.SerializeToString(), 0)
    sent.wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def in_order(session: list[NodeMessage]) -> bool:
    """Numbered from 0, round again after 255, without a hole."""
    return [each.seq for each in session] == [at % 256 for at in range(len(session))]
