"""One box of the fleet: all of the agent from the outbox on, fed with what was recorded."""

import functools
import itertools
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent import __version__
from agent.core.time import iso
from agent.core.types import Gap, Message
from agent.delivery.duplicate_client import Identity
from agent.delivery.mqtt_sink import MqttSink
from agent.delivery.outbox import Limits, Outbox
from agent.delivery.sender import Sender
from agent.messages import payloads
from agent.messages.records import Observation
from agent.mqtt.settings import Mqtt
from benchmarks.fleet.recorded import Recorded

STOP_S = 5.0  # as long as the agent delivers after a signal
HEALTH = b'{"schema":"drsn-health/1","agent":"%s","about":"%s"}'
HEALTH_BYTES = 900  # of a real one with one source


@dataclass(frozen=True)
class OutboxTotals:
    """What an outbox has given out, at the end."""

    name: str
    epoch: str
    last_seq: int
    depth: int
    dropped: int
    parked: int


class Box:
    """`start` and `stop` as often as the box does; its outbox is a file and outlives both."""

    def __init__(
        self, name: str, folder: Path, port: int, health_s: float, recorded: Recorded
    ) -> None:
        self.connects: list[float] = []  # Unix times at which the broker let it in
        self._name = name
        self._file = folder / name / "outbox.sqlite"
        self._file.parent.mkdir()
        self._settings = Mqtt(port=port)
        self._health_s = health_s
        self._source = recorded.source
        self._changes = itertools.cycle(recorded.changes)
        self._topics = payloads.Topics(self._settings.base, name)
        about = b"x" * (HEALTH_BYTES - len(HEALTH))
        health = HEALTH % (name.encode(), about)
        self._running = threading.Lock()  # held while it starts and stops
        self._sink: MqttSink | None = None
        self._health = Message(0, self._topics.of("health"), health, qos=0)

    def start(self, version: str) -> None:
        """Runs with a model of that version."""
        model = msgspec.structs.replace(self._source.model, version=version)
        self._source = msgspec.structs.replace(self._source, model=model)
        self._outbox = Outbox(self._file, Limits(), self._gap)
        identity = Identity(
            client_id=f"drsn-{self._name}",
            will=lambda: payloads.status(self._topics, payloads.OFFLINE),
            births=self._births,
            topic=self._topics.of("info"),
            is_other=lambda info: msgspec.json.decode(info)["epoch"] != self._outbox.epoch,
        )
        sink = self._sink = MqttSink(self._settings, identity)
        self._sender = Sender(
            self._outbox, sink, lambda: self._health, self._health_s, lambda: None
        )
        self._thread = threading.Thread(target=self._sender.run, name=self._name, daemon=True)
        self._thread.start()

    def finish(self, within_s: float) -> None:
        self._sender.finish(within_s)

    def stop(self, within_s: float = STOP_S) -> None:
        """As after SIGTERM: what is left is on disk."""
        self.finish(within_s)
        self._thread.join()

    def restart(self, version: str) -> None:
        """With another model; what its machine does meanwhile, nobody hears."""
        with self._running:
            self.stop()
            self.start(version)

    def change(self) -> None:
        """The source's state changes: an event and a state."""
        if not self._running.acquire(blocking=False):
            return
        for record in next(self._changes):
            self._sender.put(functools.partial(self._message, record))
        self._running.release()

    @property
    def connected(self) -> bool:
        return self._sink is not None and self._sink.state == "connected"

    @property
    def depth(self) -> int:
        return 0 if self._sink is None else self._outbox.depth

    def totals(self) -> OutboxTotals:
        """Opens the outbox once more: what is on disk is what counts."""
        outbox = Outbox(self._file, Limits(), self._gap)
        last = outbox._store.last_seq
        counts = (outbox.depth, outbox.dropped, outbox.parked)
        outbox.close()
        return OutboxTotals(self._name, outbox.epoch, last, *counts)

    def _message(self, record: Observation, epoch: str, seq: int) -> Message:
        now_s = time.time()
        kind = record.schema.removeprefix("drsn-").partition("/")[0]
        fresh = msgspec.structs.replace(
            record,
            epoch=epoch,
            seq=seq,
            agent=self._name,
            t_start=iso(now_s - record.n_samples / record.rate_hz),
            t_end=iso(now_s),
            t_published=iso(now_s),
            model=self._source.model,
        )
        topic = self._topics.of(kind, source=record.source)
        return Message(seq, topic, msgspec.json.encode(fresh), retain=kind == "state")

    def _births(self) -> list[Message]:
        self.connects.append(time.time())
        return [
            payloads.status(self._topics, payloads.ONLINE),
            payloads.info(
                self._topics, __version__, self._outbox.epoch, time.time(), [self._source]
            ),
        ]

    def _gap(self, epoch: str, lost: Gap) -> Message:
        return payloads.gap(self._topics, epoch, lost, time.time())
