"""The edge node's side of a Sparkplug session: translates the agent's messages as they are sent.

The outbox keeps the agent's own messages; they become births, data and deaths at the moment of
sending, because only then their number in the session is known, and whether they are news. A birth
has the state of its device as of the last message that was queued: messages that were queued before
it and are sent after it are historical.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from agent import __version__
from agent.core.types import Message
from agent.messages import topics
from agent.messages.machine import MachineState
from agent.messages.machine_info import MachineInfo
from agent.messages.measurement import Measurement
from agent.messages.records import GapMarker, Health, Observation, SourceInfo
from agent.messages.sparkplug import device_metrics, node_metrics, protocol
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.device_metrics import Device
from agent.messages.sparkplug.latest import Latest
from agent.messages.sparkplug.metric import Metric, Value, payload

Record = TypeVar("Record", bound=msgspec.Struct)

log = logging.getLogger("drsn.sparkplug")


class Address(msgspec.Struct, frozen=True):
    """`spBv1.0/<group>/<kind>/<node>[/<device>]`."""

    group: str
    node: str

    def of(self, kind: str, device: str | None = None) -> str:
        below = "" if device is None else f"/{device}"
        return f"spBv1.0/{self.group}/{kind}/{self.node}{below}"


class Born(msgspec.Struct):
    """A device that is alive in this session."""

    device: Device
    through: int  # seq of the last message that its birth includes
    values: dict[str, Value] = {}  # of its metrics, as a subscriber's


class EdgeNode:
    """For the sender thread; `will` is called for each new connection, before its births."""

    def __init__(
        self,
        address: Address,
        epoch: str,
        sources: Callable[[], Sequence[SourceInfo]],
        latest: Latest,
        bdseq: BdSeq,
        machines: Callable[[], Sequence[MachineInfo]] = tuple,
    ) -> None:
        self.delivered = 0  # seq of the last message that the broker has for certain
        self._address = address
        self._epoch = epoch
        self._sources = sources
        self._machine_infos = machines
        self._machines: list[str] = []  # in the node's birth
        self._latest = latest
        self._count = bdseq
        self._bdseq = 0
        self._seq = 0  # of the next message
        self._node_metrics: dict[str, Metric] = {}  # the node's own, as last published
        self._devices: dict[str, Device] = {}
        self._born: dict[str, Born] = {}

    def will(self) -> Message:
        """The death certificate of the connection that is about to be made."""
        self._bdseq = self._count.next()
        now_ms = _now_ms()
        body = payload([node_metrics.death(self._bdseq, now_ms)], now_ms, None)
        return Message(0, self._address.of("NDEATH"), body)

    def will_unused(self) -> None:
        """No CONNECT was sent with the last death certificate."""
        self._count.give_back()

    def births(self) -> list[Message]:
        """The births of the node and its devices: at the start of a session, and on request."""
        self._seq = 0
        self._born.clear()
        self._devices = self._present()
        self._machines = [info.name for info in self._machine_infos()]
        metrics = node_metrics.birth(
            *(self._bdseq, __version__, self._epoch, self._node_metrics, _now_ms()), self._machines
        )
        node = self._message("NBIRTH", None, metrics)
        living = [device for device in self._devices.values() if not self._died(device.name)]
        return [node, *(self._birth(device) for device in living)]

    def on_command(self, topic: str, body: bytes, _retained: bool) -> list[Message]:
        """Answers a command to the node; the only one is the request for its births."""
        try:
            metrics = protocol.read(body).metrics
        except ValueError as error:
            log.warning("%s: %s", topic, error)
            return []
        if not any(
            metric.name == node_metrics.REBIRTH and metric.boolean_value for metric in metrics
        ):
            return []
        log.info("a host asked for the birth certificates")
        return self.births()

    def is_other(self, birth: bytes) -> bool:
        """Whether a birth under this node's name comes from another outbox."""
        try:
            metrics = protocol.read(birth).metrics
        except ValueError:
            return False
        return all(
            (metric.name, metric.string_value) != (node_metrics.EPOCH, self._epoch)
            for metric in metrics
        )

    def translate(self, message: Message) -> list[Message]:
        """What to publish for one of the agent's messages; nothing for other kinds.

        `MsgspecError` for a message that is not as this version of the agent writes it.
        """
        last = topics.kind_of(message.topic, message.payload)
        if last in ("event", "window"):
            return list(self._observed(msgspec.json.decode(message.payload, type=Observation)))
        if last == "state":
            return list(self._stated(msgspec.json.decode(message.payload, type=Observation)))
        if last == "measurement":
            return list(self._measured(msgspec.json.decode(message.payload, type=Measurement)))
        if last == "machine":
            return self._of_machine(msgspec.json.decode(message.payload, type=MachineState))
        if last == "info":
            return list(self._changed())
        if last == "health":
            health = msgspec.json.decode(message.payload, type=Health)
            return [self._of_node(node_metrics.health(health))]
        if last == "gap":
            gap = msgspec.json.decode(message.payload, type=GapMarker)
            return [self._of_node(node_metrics.gap(gap))]
        return []

    def _observed(self, observation: Observation) -> Iterator[Message]:
        """Its data; a birth before them if needed, and a death after an observation of one."""
        name = observation.source
        device = self._devices.get(name)
        if name not in self._born:
            yield self._birth(device or device_metrics.of_observation(observation))
        yield self._data(self._born[name], observation)
        if device is None or device_metrics.is_death(observation):
            yield self._death(name)

    def _data(self, born: Born, observation: Observation) -> Message:
        """New data hold the changed metrics; historical data hold all of them, and change none."""
        metrics = list(device_metrics.data(born.device, observation))
        historical = observation.seq <= born.through
        if not historical:
            metrics = [metric for metric in metrics if metric.value != born.values[metric.name]]
            born.values |= {metric.name: metric.value for metric in metrics}
        return self._message("DDATA", born.device.name, metrics, historical)

    def _measured(self, measurement: Measurement) -> Iterator[Message]:
        """What has changed; nothing of a device that is dead: its next birth has the values."""
        born = self._born.get(measurement.source)
        if born is not None:
            yield from self._news(born, device_metrics.measured(born.device, measurement))

    def _stated(self, state: Observation) -> Iterator[Message]:
        """How the source stands, where that has changed since its birth."""
        born = self._born.get(state.source)
        if born is not None and state.seq > born.through:
            yield from self._news(born, device_metrics.standing(state))

    def _news(self, born: Born, metrics: Sequence[Metric]) -> Iterator[Message]:
        """Those of the metrics that have changed."""
        changed = [metric for metric in metrics if metric.value != born.values[metric.name]]
        born.values |= {metric.name: metric.value for metric in changed}
        if changed:
            yield self._message("DDATA", born.device.name, changed)

    def _changed(self) -> Iterator[Message]:
        """Deaths and births of the devices that differ from those before.

        All are born again where the machines differ, which are metrics of the node.
        """
        if self._machines != [info.name for info in self._machine_infos()]:
            yield from self.births()
            return
        before, self._devices = self._devices, self._present()
        for name, device in before.items():
            if name in self._born and self._devices.get(name) != device:
                yield self._death(name)
        for name, device in self._devices.items():
            if before.get(name) != device:
                yield self._birth(device)

    def _present(self) -> dict[str, Device]:
        return {info.name: device_metrics.of_source(info) for info in self._sources()}

    def _birth(self, device: Device) -> Message:
        latest = self._latest.snapshot()
        observations = _observations(latest.of(device.name))
        metrics = device_metrics.birth(
            device,
            observations,
            _decoded(latest.state(device.name), Observation),
            _decoded(latest.measured(device.name), Measurement),
            _now_ms(),
        )
        values = {metric.name: metric.value for metric in metrics}
        self._born[device.name] = Born(device, latest.seq, values)
        return self._message("DBIRTH", device.name, metrics)

    def _death(self, name: str) -> Message:
        del self._born[name]
        return self._message("DDEATH", name, [])

    def _died(self, name: str) -> bool:
        """Whether its newest observation is of its death and delivered: no data will follow."""
        newest = _observations(self._latest.snapshot().of(name)[-1:])
        return any(
            device_metrics.is_death(observation) and observation.seq <= self.delivered
            for observation in newest
        )

    def _of_machine(self, state: MachineState) -> list[Message]:
        """Nothing of a machine that is no longer configured."""
        if state.machine not in self._machines:
            return []
        return [self._of_node(node_metrics.machine(state))]

    def _of_node(self, metrics: list[Metric]) -> Message:
        self._node_metrics |= {metric.name: metric for metric in metrics}
        return self._message("NDATA", None, metrics)

    def _message(
        self, kind: str, name: str | None, metrics: Sequence[Metric], historical: bool = False
    ) -> Message:
        body = payload(metrics, _now_ms(), self._seq, historical)
        self._seq = (self._seq + 1) % 256
        return Message(0, self._address.of(kind, name), body, qos=0)


def _observations(messages: Sequence[Message]) -> list[Observation]:
    return [msgspec.json.decode(message.payload, type=Observation) for message in messages]


def _decoded(message: Message | None, record: type[Record]) -> Record | None:
    return None if message is None else msgspec.json.decode(message.payload, type=record)


def _now_ms() -> int:
    return round(time.time() * 1000)
