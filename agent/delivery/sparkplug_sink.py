"""Sparkplug B 3.0 over the MQTT sink: the agent's messages become those of an edge node.

Sparkplug publishes data with QoS 0, which is not acknowledged. A message leaves the outbox only
when the broker has answered a request that was sent after it (`mqtt_client.fence`) and so has read
it: at least once to the broker, QoS 0 from there on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agent.config.load import Config
from agent.core.types import Message, Receipt
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.messages.machine_info import MachineInfo
from agent.messages.records import SourceInfo
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.edge_node import Address, EdgeNode
from agent.messages.sparkplug.latest import Latest
from agent.mqtt.settings import Mqtt


class SparkplugSink:
    """An edge node's sessions, one connection after another."""

    def __init__(self, settings: Mqtt, client_id: str, address: Address, node: EdgeNode) -> None:
        identity = Identity(
            client_id=client_id,
            will=node.will,
            will_unused=node.will_unused,
            births=node.births,
            topic=address.of("NBIRTH"),
            is_other=node.is_other,
            listens={address.of("NCMD"): node.on_command},
        )
        # The broker keeps no session, so that a death is published at once (Sparkplug 3.0.0, 2.5).
        self._mqtt = MqttSink(msgspec.structs.replace(settings, will_delay_s=0), identity)
        self._node = node
        self._unsent: list[Receipt] = []
        self.wake = self._mqtt.wake
        self.close = self._mqtt.close

    @property
    def state(self) -> str:
        return self._mqtt.state

    @property
    def why(self) -> str | None:
        return self._mqtt.why

    @property
    def session(self) -> int:
        return self._mqtt.session

    @property
    def in_flight_limit(self) -> int:
        return self._mqtt.in_flight_limit

    @property
    def most_bytes(self) -> int:
        return self._mqtt.most_bytes

    def send(self, message: Message) -> None:
        """Publishes the node's messages for it; the last one carries its sequence number."""
        try:
            published = self._node.translate(message)
        except msgspec.MsgspecError as error:  # of another version of the agent
            self._unsent.append(Receipt(message.seq, f"not understood: {error}"))
            return
        for earlier in published[:-1]:
            self._mqtt.send(earlier)
        for last in published[-1:]:
            self._mqtt.send(msgspec.structs.replace(last, seq=message.seq))
        if message.seq and not published:
            self._unsent.append(Receipt(message.seq))

    def poll(self, timeout_s: float) -> list[Receipt]:
        receipts_due, self._unsent = self._unsent, []
        receipts = receipts_due + self._mqtt.poll(0.0 if receipts_due else timeout_s)
        self._node.delivered = max([self._node.delivered, *(receipt.seq for receipt in receipts)])
        return receipts


def edge_node(
    config: Config,
    epoch: str,
    sources: Callable[[], Sequence[SourceInfo]],
    latest: Latest,
    machines: Callable[[], Sequence[MachineInfo]],
) -> SparkplugSink:
    """The sink of an agent that is configured as one; `epoch` is its outbox's."""
    assert config.sparkplug is not None
    agent, settings = config.agent, config.mqtt
    address = Address(config.sparkplug.group, config.sparkplug.node or agent.id)
    bdseq = BdSeq(Path(agent.state_dir) / "bdseq")
    node = EdgeNode(address, epoch, sources, latest, bdseq, machines)
    return SparkplugSink(settings, settings.client_id or f"drsn-{agent.id}", address, node)
