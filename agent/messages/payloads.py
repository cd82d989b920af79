"""From what was scored to what is published: topics and payloads. Pure.

An observation is identified by (`epoch`, `seq`): a UUID per outbox and a counter. Delivery is at
least once, so a subscriber that must not count twice compares these two.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from agent.core.model_contract import Contract
from agent.core.time import iso
from agent.core.types import Gap, Message, Prediction, Scored
from agent.messages import records
from agent.messages.records import Info, Model, Observation, SourceInfo

NOTHING = Prediction(())  # what a network says of a window that it was not shown
ONLINE, OFFLINE = b"online", b"offline"
Topic = Literal["event", "state", "window"]


@dataclass(frozen=True)
class Topics:
    """`<base>/<agent>/...`; names hold no wildcard and no slash (the configuration sees to it)."""

    base: str
    agent: str

    def of_agent(self, last: str) -> str:
        return f"{self.base}/{self.agent}/{last}"

    def of_source(self, source: str, last: str) -> str:
        return f"{self.base}/{self.agent}/{source}/{last}"


@dataclass(frozen=True)
class Origin:
    """What all observations of one source have in common."""

    topics: Topics
    source: str
    unit: str
    contract: Contract
    sha256: str

    @property
    def model(self) -> Model:
        described = self.contract
        return Model(
            name=described.name,
            version=described.version,
            sha256=self.sha256,
            precision=described.precision,
        )


@dataclass(frozen=True)
class Stamp:
    """When and as which message an observation is put in the outbox."""

    epoch: str
    seq: int
    began_s: float  # Unix time of the window's first sample
    now_s: float  # Unix time
    latency_s: float
    evidence: str | None = None  # the file that will hold the signal around it


def topics(scored: Scored, windows: bool) -> list[Topic]:
    """What there is to say of a scored window, in order; `windows`: each, not only changes."""
    wanted = windows and scored.window.samples.size  # a source's fault has no window
    window: list[Topic] = ["window"] if wanted else []
    change: list[Topic] = [] if scored.event is None else ["event", "state"]
    return window + change


def observation(topic: Topic, scored: Scored, origin: Origin, stamp: Stamp) -> Message:
    """The message on `topic` about a scored window."""
    return Message(
        seq=stamp.seq,
        topic=origin.topics.of_source(origin.source, topic),
        payload=msgspec.json.encode(record(topic, scored, origin, stamp)),
        retain=topic == "state",
    )


def record(topic: Topic, scored: Scored, origin: Origin, stamp: Stamp) -> Observation:
    """What is said on `topic` about a scored window."""
    window, rate_hz, labels = scored.window, origin.contract.rate_hz, origin.contract.labels
    said = scored.prediction or NOTHING
    verdict = scored.verdict if topic == "window" or scored.event is None else scored.event
    frames = window.samples.shape[1]
    return Observation(
        schema=f"drsn-{topic}/1",
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
        probabilities=_named(labels, said.probabilities),
        snr_db=_rounded(said.snr_db, 2),
        shrinkage=_rounded(said.shrinkage, 6),
        distance=_rounded(said.distance, 4),
        model=origin.model,
        latency_ms=round(stamp.latency_s * 1000, 2),
        previous=None if topic == "window" else scored.previous.decision,
        physics=None if topic == "window" else scored.physics,
        anomaly=_rounded(scored.anomaly, 4),
        evidence=stamp.evidence if topic == "event" else None,
    )


def info(
    topics: Topics, version: str, epoch: str, now_s: float, sources: list[SourceInfo]
) -> Message:
    """The retained message that says who the agent is."""
    record = Info(
        schema="drsn-info/1",
        agent=topics.agent,
        version=version,
        epoch=epoch,
        t_published=iso(now_s),
        sources=sources,
    )
    return Message(0, topics.of_agent("info"), msgspec.json.encode(record), retain=True, qos=0)


def gap(topics: Topics, epoch: str, lost: Gap, now_s: float) -> Message:
    """The marker that takes the place of dropped messages."""
    record = records.GapMarker(
        schema="drsn-gap/1",
        epoch=epoch,
        seq=lost.last,
        agent=topics.agent,
        t_published=iso(now_s),
        first_seq=lost.first,
        last_seq=lost.last,
        messages=lost.messages,
        why=lost.why,
    )
    return Message(lost.last, topics.of_agent("gap"), msgspec.json.encode(record))


def result(
    topics: Topics,
    epoch: str,
    seq: int,
    now_s: float,
    verb: str,
    command: str,
    why: str | None,
    **told: Any,
) -> Message:
    """What has become of a command; `told` are the fields that its verb fills."""
    record = records.Result(
        schema="drsn-result/1",
        epoch=epoch,
        seq=seq,
        agent=topics.agent,
        t_published=iso(now_s),
        verb=verb,
        id=command,
        ok=why is None,
        why=why,
        **told,
    )
    return Message(seq, topics.of_agent(f"cmd/{verb}/result"), msgspec.json.encode(record))


def rollout(topics: Topics, epoch: str, seq: int, now_s: float, model: str, **told: Any) -> Message:
    """How the roll-out of a model stands; `told` are the other fields."""
    record = records.Rollout(
        schema="drsn-rollout/1",
        epoch=epoch,
        seq=seq,
        agent=topics.agent,
        t_published=iso(now_s),
        model=model,
        **told,
    )
    topic = topics.of_agent(f"models/{model}/rollout")
    return Message(seq, topic, msgspec.json.encode(record), retain=True)


def status(topics: Topics, payload: bytes) -> Message:
    """`online` or `offline`, retained; the last will is the latter."""
    qos: Literal[0, 1] = 0 if payload == ONLINE else 1
    return Message(0, topics.of_agent("status"), payload, retain=True, qos=qos)


def _named(labels: tuple[str, ...], probabilities: tuple[float, ...]) -> dict[str, float] | None:
    if not probabilities:
        return None
    return {label: round(p, 6) for label, p in zip(labels, probabilities, strict=True)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
