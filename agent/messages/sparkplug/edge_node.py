"""An edge node's side of a Sparkplug session: what it publishes for what the agent has to say.

The outbox keeps the agent's own messages; here they become births, data and deaths at the moment
at which they are sent, for only then it is known which number they have in the session and
whether they are news. A birth tells the state of its device as of the last message that was
queued: what was queued before it and comes after it is historical.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from agent import __version__
from agent.core.types import Message
from agent.messages.records import GapMarker, Health, Observation, SourceInfo
from agent.messages.sparkplug import device_metrics, node_metrics, protocol
from agent.messages.sparkplug.bdseq import BdSeq
from agent.messages.sparkplug.device_metrics import Device
from agent.messages.sparkplug.latest import Latest
from agent.messages.sparkplug.metric import Metric, Value, payload

log = logging.getLogger("drsn.sparkplug")


@dataclass(frozen=True)
class Address:
    """`spBv1.0/<group>/<kind>/<node>[/<device>]`."""

    group: str
    node: str

    def of(self, kind: str, device: str | None = None) -> str:
        below = "" if device is None else f"/{device}"
        return f"spBv1.0/{self.group}/{kind}/{self.node}{below}"


@dataclass
class Born:
    """A device that lives in this session."""

    device: Device
    through: int  # the last message that its birth already knew of
    told: dict[str, Value] = field(default_factory=dict)  # its metrics as a subscriber has them


class EdgeNode:
    """For the sender thread; `will` is called where a connection is made, before its births."""

    def __init__(
        self,
        address: Address,
        epoch: str,
        sources: Callable[[], Sequence[SourceInfo]],
        latest: Latest,
        bdseq: BdSeq,
    ) -> None:
        self.delivered = 0  # the last seq that the broker is known to have
        self._address = address
        self._epoch = epoch
        self._sources = sources
        self._latest = latest
        self._count = bdseq
        self._bdseq = 0
        self._seq = 0  # of the next message
        self._known: dict[str, Metric] = {}  # the node's own metrics, as last told
        self._devices: dict[str, Device] = {}
        self._born: dict[str, Born] = {}

    def will(self) -> Message:
        """The death of the connection that is about to be made."""
        self._bdseq = self._count.next()
        now_ms = _now_ms()
        body = payload([node_metrics.death(self._bdseq, now_ms)], now_ms, None)
        return Message(0, self._address.of("NDEATH"), body)

    def births(self) -> list[Message]:
        """The node's and its devices', at the start of a session and whenever asked for."""
        self._seq = 0
        self._born.clear()
        self._devices = self._present()
        metrics = node_metrics.birth(self._bdseq, __version__, self._epoch, self._known, _now_ms())
        node = self._message("NBIRTH", None, metrics)
        living = [each for each in self._devices.values() if not self._died(each.name)]
        return [node, *(self._birth(each) for each in living)]

    def heard(self, topic: str, body: bytes, _retained: bool) -> list[Message]:
        """A command to the node; the only one there is asks for its births."""
        try:
            asked = protocol.read(body).metrics
        except ValueError as error:
            log.warning("%s: %s", topic, error)
            return []
        if not any(each.name == node_metrics.REBIRTH and each.boolean_value for each in asked):
            return []
        log.info("a rebirth was asked for")
        return self.births()

    def is_other(self, birth: bytes) -> bool:
        """Whether a birth of this name comes from another outbox than ours."""
        try:
            metrics = protocol.read(birth).metrics
        except ValueError:
            return False
        return all(
            (each.name, each.string_value) != (node_metrics.EPOCH, self._epoch) for each in metrics
        )

    def told(self, message: Message) -> list[Message]:
        """What to publish for one of the agent's messages; nothing for what has no place here.

        `MsgspecError` for one that is not as this version of the agent writes it.
        """
        last = message.topic.rpartition("/")[2]
        if last in ("event", "window"):
            said = msgspec.json.decode(message.payload, type=Observation)
            return list(self._observed(said))
        if last == "info":
            return list(self._changed())
        if last == "health":
            return [
                self._of_node(
                    node_metrics.health(msgspec.json.decode(message.payload, type=Health))
                )
            ]
        if last == "gap":
            return [
                self._of_node(
                    node_metrics.gap(msgspec.json.decode(message.payload, type=GapMarker))
                )
            ]
        return []

    def _observed(self, said: Observation) -> Iterator[Message]:
        """Its data; before them a birth where there is none, and a death where they tell of it."""
        name = said.source
        here = self._devices.get(name)
        if name not in self._born:
            yield self._birth(here or device_metrics.of_observation(said))
        yield self._data(self._born[name], said)
        if here is None or device_metrics.is_death(said):
            yield self._death(name)

    def _data(self, born: Born, said: Observation) -> Message:
        """News are what has changed; history is whole, and changes nothing."""
        metrics = list(device_metrics.data(born.device, said))
        historical = said.seq <= born.through
        if not historical:
            metrics = [metric for metric in metrics if metric.value != born.told[metric.name]]
            born.told |= {metric.name: metric.value for metric in metrics}
        return self._message("DDATA", born.device.name, metrics, historical)

    def _changed(self) -> Iterator[Message]:
        """Deaths and births of devices, where other sources are there than before."""
        before, self._devices = self._devices, self._present()
        for name, each in before.items():
            if name in self._born and self._devices.get(name) != each:
                yield self._death(name)
        for name, each in self._devices.items():
            if before.get(name) != each:
                yield self._birth(each)

    def _present(self) -> dict[str, Device]:
        return {info.name: device_metrics.of_source(info) for info in self._sources()}

    def _birth(self, each: Device) -> Message:
        known = self._latest.known()
        metrics = device_metrics.birth(each, _observations(known.of(each.name)), _now_ms())
        born = Born(each, known.seq, {metric.name: metric.value for metric in metrics})
        self._born[each.name] = born
        return self._message("DBIRTH", each.name, metrics)

    def _death(self, name: str) -> Message:
        del self._born[name]
        return self._message("DDEATH", name, [])

    def _died(self, name: str) -> bool:
        """Whether its last word was of its death, and is out: no data of it are to come."""
        said = _observations(self._latest.known().of(name)[-1:])
        return any(device_metrics.is_death(each) and each.seq <= self.delivered for each in said)

    def _of_node(self, metrics: list[Metric]) -> Message:
        self._known |= {metric.name: metric for metric in metrics}
        return self._message("NDATA", None, metrics)

    def _message(
        self, kind: str, name: str | None, metrics: Sequence[Metric], historical: bool = False
    ) -> Message:
        body = payload(metrics, _now_ms(), self._seq, historical)
        self._seq = (self._seq + 1) % 256
        return Message(0, self._address.of(kind, name), body, qos=0)


def _observations(messages: Sequence[Message]) -> list[Observation]:
    return [msgspec.json.decode(each.payload, type=Observation) for each in messages]


def _now_ms() -> int:
    return round(time.time() * 1000)
