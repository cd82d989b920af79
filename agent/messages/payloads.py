"""From scored windows to published messages: topics and payloads. Pure.

Topic, QoS, retention and schema of each kind are those of `agent.messages.topics.PUBLISHED`.

An observation is identified by (`epoch`, `seq`): a UUID per outbox and a counter. Delivery is at
least once, so a subscriber that must not count twice compares these two.
"""

import functools
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from agent.core.alarms import Alarm, Standing
from agent.core.conditions import Conditions
from agent.core.model_contract import Contract
from agent.core.place import Place
from agent.core.time import iso
from agent.core.types import Gap, Measured, Message, Prediction, Scored
from agent.messages import records
from agent.messages.machine_info import MachineInfo
from agent.messages.measurement import Measurement
from agent.messages.records import Info, Model, Observation, SourceInfo
from agent.messages.topics import ADDRESSES, PUBLISHED, schema

NO_PREDICTION = Prediction(())  # of a window that was not shown to the network
ONLINE, OFFLINE = b"online", b"offline"
Topic = Literal["event", "state", "window"]


class Topics(msgspec.Struct, frozen=True):
    """`<base>/<agent>/...`; names hold no wildcard and no slash (the configuration sees to it)."""

    base: str
    agent: str

    def of(self, last: str, **names: str) -> str:
        """The topic that ends in `last`; `names` are the other parameters of its address.

        E.g. `of("state", source="fan")`, and `of("command", verb="+")` to subscribe.
        """
        return ADDRESSES[last].format(base=self.base, agent=self.agent, **names)


class Origin(msgspec.Struct, frozen=True, dict=True):
    """What all observations of one source have in common."""

    topics: Topics
    source: str
    unit: str
    contract: Contract
    sha256: str
    place: Place | None = None

    @functools.cached_property
    def model(self) -> Model:
        return Model(
            name=self.contract.name,
            version=self.contract.version,
            sha256=self.sha256,
            precision=self.contract.precision,
        )


class OutboxSlot(msgspec.Struct, frozen=True):
    """The place of a message in the outbox, and when it was put there."""

    epoch: str
    seq: int
    now_s: float  # Unix time


class Stamp(msgspec.Struct, frozen=True):
    """When and as which message an observation is put in the outbox."""

    epoch: str
    seq: int
    began_s: float  # Unix time of the window's first sample
    now_s: float  # Unix time
    latency_s: float
    evidence: str | None = None  # the file that will hold the signal around it
    standing: Standing = Standing()
    event_id: int | None = None  # in the journal


class MeasuredAt(msgspec.Struct, frozen=True):
    """When a source was measured."""

    epoch: str  # of the outbox
    end: int  # absolute index behind the last frame
    end_s: float  # Unix time of that
    now_s: float  # Unix time
    alarm: Alarm = "none"


def topics(scored: Scored, windows: bool) -> list[Topic]:
    """What to publish of a scored window, in order; `windows`: every window, not only changes."""
    has_window = windows and scored.window.samples.size  # a source's fault has no window
    window: list[Topic] = ["window"] if has_window else []
    change: list[Topic] = [] if scored.event is None else ["event", "state"]
    return window + change


def message(last: str, topic: str, record: msgspec.Struct, seq: int = 0) -> Message:
    """`record` as a message of the kind `last`; `seq` 0: it does not go through the outbox."""
    kind = PUBLISHED[last]
    return Message(seq, topic, msgspec.json.encode(record), kind.retained, kind.qos)


def observation(topic: Topic, scored: Scored, origin: Origin, stamp: Stamp) -> Message:
    """The message on `topic` about a scored window."""
    address = origin.topics.of(topic, source=origin.source)
    return message(topic, address, record(topic, scored, origin, stamp), stamp.seq)


def record(topic: Topic, scored: Scored, origin: Origin, stamp: Stamp) -> Observation:
    """The payload on `topic` about a scored window."""
    window, rate_hz, labels = scored.window, origin.contract.rate_hz, origin.contract.labels
    prediction = scored.prediction or NO_PREDICTION
    verdict = scored.verdict if topic == "window" or scored.event is None else scored.event
    frames = window.samples.shape[1]
    return Observation(
        schema=schema(topic),
        epoch=stamp.epoch,
        seq=stamp.seq,
        agent=origin.topics.agent,
        source=origin.source,
        t_start=iso(stamp.began_s),
        t_end=iso(stamp.began_s + frames / rate_hz),
        t_published=iso(stamp.now_s),
        first_sample=window.first,
        n_samples=frames,
        dropped=window.dropped,
        rate_hz=rate_hz,
        unit=origin.unit,
        flags=window.flags,
        decision=verdict.decision,
        label=verdict.label,
        probability=_rounded(verdict.probability, 6),
        probabilities=_by_label(labels, prediction.probabilities),
        snr_db=_rounded(prediction.snr_db, 2),
        shrinkage=_rounded(prediction.shrinkage, 6),
        distance=_rounded(prediction.distance, 4),
        model=origin.model,
        latency_ms=round(stamp.latency_s * 1000, 2),
        previous=None if topic == "window" else scored.previous.decision,
        physics=None if topic == "window" else scored.physics,
        anomaly=_rounded(scored.anomaly, 4),
        evidence=stamp.evidence if topic == "event" else None,
        basis=None if topic == "window" else scored.basis,
        place=origin.place,
        **({} if topic == "window" else _standing(stamp)),
    )


def _standing(stamp: Stamp) -> dict[str, Any]:
    """The fields of a state or an event that say how the source stands."""
    standing = stamp.standing
    return {
        "alarm": standing.alarm,
        "alarm_basis": standing.basis,
        "maintenance": standing.maintenance,
        "event_id": stamp.event_id,
    }


def measurement(record: Measurement, topics: Topics) -> Message:
    """The message about a measured source."""
    return message("measurement", topics.of("measurement", source=record.source), record)


def measurement_record(measured: Measured, origin: Origin, at: MeasuredAt) -> Measurement:
    """The payload about a measured source."""
    conditions = measured.conditions or Conditions()
    return Measurement(
        schema=schema("measurement"),
        epoch=at.epoch,
        agent=origin.topics.agent,
        source=origin.source,
        t_start=iso(at.end_s - measured.physics[0].seconds),
        t_end=iso(at.end_s),
        t_published=iso(at.now_s),
        end_sample=at.end,
        rate_hz=origin.contract.rate_hz,
        unit=origin.unit,
        decision=measured.verdict.decision,
        label=measured.verdict.label,
        rpm=_rounded(measured.rpm, 2),
        anomaly=_rounded(measured.anomaly, 4),
        anomaly_slow=_rounded(measured.anomaly_slow, 4),
        drift=_rounded(measured.drift, 4),
        physics=measured.physics,
        condition=measured.condition,
        load_percent=_rounded(conditions.load_percent, 4),
        temperature_c=_rounded(conditions.temperature_c, 4),
        running=measured.running,
        place=origin.place,
        alarm=at.alarm,
    )


def info(
    topics: Topics,
    version: str,
    epoch: str,
    now_s: float,
    sources: list[SourceInfo],
    mqtt_version: str | None = None,
    machines: Sequence[MachineInfo] = (),
) -> Message:
    """The retained message that describes the agent and its sources."""
    record = Info(
        schema=schema("info"),
        agent=topics.agent,
        version=version,
        epoch=epoch,
        t_published=iso(now_s),
        sources=sources,
        mqtt_version=mqtt_version,
        machines=list(machines),
    )
    return message("info", topics.of("info"), record)


def gap(topics: Topics, epoch: str, lost: Gap, now_s: float) -> Message:
    """The marker of messages that were dropped or set aside."""
    seq = lost.last if lost.seq is None else lost.seq
    record = records.GapMarker(
        schema=schema("gap"),
        epoch=epoch,
        seq=seq,
        agent=topics.agent,
        t_published=iso(now_s),
        first_seq=lost.first,
        last_seq=lost.last,
        messages=lost.messages,
        why=lost.why,
    )
    return message("gap", topics.of("gap"), record, seq)


def result(
    topics: Topics, slot: OutboxSlot, verb: str, command: str, why: str | None, **fields: Any
) -> Message:
    """The result of the command with the id `command`; `fields` are those that its verb fills.

    `why` is the reason why it was not carried out; None: it was.
    """
    record = records.Result(
        schema=schema("result"),
        epoch=slot.epoch,
        seq=slot.seq,
        agent=topics.agent,
        t_published=iso(slot.now_s),
        verb=verb,
        id=command,
        ok=why is None,
        why=why,
        **fields,
    )
    return message("result", topics.of("result", verb=verb), record, slot.seq)


def rollout(topics: Topics, slot: OutboxSlot, model: str, **fields: Any) -> Message:
    """The state of a model's roll-out; `fields` are the record's other fields."""
    record = records.Rollout(
        schema=schema("rollout"),
        epoch=slot.epoch,
        seq=slot.seq,
        agent=topics.agent,
        t_published=iso(slot.now_s),
        model=model,
        **fields,
    )
    return message("rollout", topics.of("rollout", model=model), record, slot.seq)


def status(topics: Topics, payload: bytes) -> Message:
    """`online` or `offline`, retained; the last will is the latter."""
    kind = PUBLISHED["status"]
    qos: Literal[0, 1] = 1 if payload == OFFLINE else kind.qos
    return Message(0, topics.of("status"), payload, retain=kind.retained, qos=qos)


def _by_label(labels: tuple[str, ...], probabilities: tuple[float, ...]) -> dict[str, float] | None:
    if not probabilities:
        return None
    return {label: round(p, 6) for label, p in zip(labels, probabilities, strict=True)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
