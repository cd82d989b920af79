"""Every payload that the agent publishes, as a typed record. `docs/MQTT.md` explains the fields.

The JSON Schemas are made from these records (`agent.messages.json_schema`): the comment beside a
field is its description there. Add fields at the end, with a default.
`tests/messages/test_fields.py` names every place where a new field is missing.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.alarms import Alarm, AlarmBasis, Maintenance
from agent.core.annotated import Count, PositiveInt, Sha256, Share
from agent.core.bearing import MachineClass, Orders
from agent.core.place import Place
from agent.core.types import Basis, Commissioned, Decision, Physics
from agent.messages.commissioning import Commissioning
from agent.messages.machine_info import MachineHealth, MachineInfo

Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Seq = PositiveInt

MQTT_STATES = ("connected", "connecting", "unreachable", "refused", "lost", "stalled", "taken_over")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The network behind a decision."""

    name: str
    version: str
    sha256: Sha256  # of the model file
    precision: str


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """A window, or a source's state and the window that changed it."""

    schema: str
    epoch: Epoch  # of the outbox; with seq the message's identity
    seq: Seq  # counts the messages of an epoch from 1
    agent: str
    source: str
    t_start: Time  # of the window, measured; ISO 8601, UTC, milliseconds
    t_end: Time  # of the window, measured
    t_published: Time  # when it was put in the outbox
    first_sample: Count  # absolute index at rate_hz
    n_samples: Count  # 0: the source fell silent or broke
    dropped: Count  # samples of the window that are missing
    rate_hz: float  # the model's
    unit: str  # of the samples
    flags: list[str]  # gap, overrun, clipped, invalid, slow, fast, flat, silent, broken and others
    decision: Decision
    label: str | None  # the network's; None: there is none
    probability: Share | None  # a window's own; smoothed in states and events
    probabilities: dict[str, Share] | None  # of the window; None: flagged, not classified
    snr_db: float | None  # as the model estimates it; None: the model does not
    shrinkage: float | None  # mean threshold over mean magnitude; None: the model has none
    distance: float | None  # from the training data; None: the model has none
    model: Model
    latency_ms: float  # from the window's last sample to the outbox
    previous: Decision | None = None  # the decision before; in states and events
    physics: tuple[Physics, ...] | None = None  # a channel each; in states and events
    anomaly: float | None = None  # of the window; above 1: unlike the commissioned machine
    evidence: str | None = None  # in a fault's event: the file in the state directory, once written
    basis: Basis | None = None  # which part said what; in states and events
    place: Place | None = None  # site, area, machine and direction; None: none is configured
    alarm: Alarm | None = None  # of the source; in states and events
    alarm_basis: AlarmBasis | None = None  # None: there is neither a warning nor an alarm
    maintenance: Maintenance | None = None  # people work on the machine; None: they do not
    event_id: Count | None = None  # of this change in the journal on the box; in states and events


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One source in `info`."""

    name: str
    kind: str
    hop_s: float
    window_s: float
    rate_hz: float
    unit: str
    labels: tuple[str, ...]
    normal: tuple[str, ...]
    model: Model
    rpm: float | None = None  # of the shaft, as configured
    bearing: Orders | None = None
    machine_class: MachineClass | None = None
    baseline: Commissioned = "none"  # provisional: of less than 300 s; lost: cannot be read
    baseline_s: float = 0.0  # of healthy running that it was learned from
    condition: str | None = None  # of the machine, as configured
    model_choice: str | None = None  # why `model: auto` chose this one; None: it is configured
    channels: PositiveInt = 1  # that the model reads
    measure_s: float = 0.0  # between two measurements; 0: none
    tacho: bool = False  # whether a tachometer measures the shaft's speed
    device: str | None = None  # the source whose point this is; None: it is no point
    place: Place | None = None  # site, area, machine and direction; None: none is configured
    maintenance: Maintenance | None = None  # people work on the machine; None: they do not
    # What is known of the machine beside its signal: speed, condition, load, temperature, running.
    conditions: tuple[str, ...] = ()


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """The agent and its sources; retained."""

    schema: str
    agent: str
    version: str  # of the agent
    epoch: Epoch
    t_published: Time
    sources: list[SourceInfo]
    mqtt_version: str | None = None  # that the broker has accepted: 5 or 3.1.1
    machines: list[MachineInfo] = []  # as configured


class GapMarker(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that were dropped or set aside before they were delivered."""

    schema: str
    epoch: Epoch
    seq: Seq  # also that of the last message dropped; else (parked, restored) one of its own
    agent: str
    t_published: Time
    first_seq: Seq
    last_seq: Seq
    messages: Seq  # how many are missing
    # messages, bytes, age (the limit), disk (a failed write), parked (set aside) or restored (the
    # numbers of the epoch before a backup was restored)
    why: str


class PublishedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A speed or a condition that another device publishes."""

    topic: str
    value: str | None  # the last that could be read: rpm, or the condition's name
    age_s: float | None  # since it came
    retained: bool  # the broker had kept it: it is older than `age_s`
    stale: bool  # too old, or none came: the value is not known
    refused: str | None  # the last payload, where it could not be read


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one source since the start."""

    state: str  # ok, or what is wrong
    opened: Count  # times
    samples: Count  # frames read from it
    gaps: Count  # stretches that never arrived
    missing: Count  # frames that never arrived, at the model's rate
    overrun: Count  # frames that were overwritten before they were scored
    windows: Count
    flagged: Count  # windows that were not classified, because they have flags
    missed: Count  # windows that were overwritten as a whole
    decision: Decision
    latency_ms: tuple[float, float] | None  # p50 and p99: last sample to outbox
    drift: float | None = None  # as anomaly, of the average of the last windows
    nominal_hz: float | None = None  # frames a second that it should deliver; None: not opened yet
    measured_hz: float | None = None  # that arrive, over up to a minute; None: not live, not known
    speed: PublishedHealth | None = None  # None: it is not published
    condition: PublishedHealth | None = None  # None: it is not published
    load: PublishedHealth | None = None  # None: it is not published
    temperature: PublishedHealth | None = None  # None: it is not published
    running: PublishedHealth | None = None  # None: it is not published
    alarm: Alarm = "none"
    maintenance: bool = False  # people work on the machine


class ClockHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The wall clock."""

    synchronised: bool | None  # None: the system does not say
    steps: Count  # seen since the start


class MqttHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The connection; published only while there is one."""

    state: str  # connected, connecting, unreachable, refused, lost, stalled, taken_over
    why: str | None  # for a person
    connects: Count  # since the start


class OutboxHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The outbox: messages that are not acknowledged yet."""

    depth: Count  # not acknowledged
    age_s: float  # of the oldest
    dropped: Count  # since the epoch began
    parked: Count  # set aside as undeliverable since the epoch began
    trouble: str | None  # why the disk takes no messages


class ProcessHealth(msgspec.Struct, frozen=True, kw_only=True):
    rss_mib: float
    rss_peak_mib: float
    threads: Count
    fds: Count


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """p50 and p99 of the last messages, in ms."""

    scored: tuple[float, float] | None  # last sample to outbox, over all sources
    acknowledged: tuple[float, float] | None  # outbox to PUBACK


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One `health` message."""

    schema: str
    agent: str
    t_published: Time
    uptime_s: float  # of the process
    clock: ClockHealth
    mqtt: MqttHealth
    outbox: OutboxHealth
    process: ProcessHealth
    latency_ms: Latencies
    sources: dict[str, SourceHealth]  # by name
    machines: dict[str, MachineHealth] = {}  # by name


class ParkedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the broker does not take, and that was set aside."""

    seq: Seq
    topic: str
    bytes: Count  # of payload
    why: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a command."""

    schema: str
    epoch: Epoch
    seq: Seq
    agent: str
    t_published: Time
    verb: str
    id: str  # the command's
    ok: bool  # whether it was carried out
    why: str | None  # why it was not, for a person
    uptime_s: float | None = None  # ping
    version: str | None = None  # ping: of the agent
    until: Time | None = None  # publish_windows, maintenance
    file: str | None = None  # capture: in the state directory
    seconds: float | None = None  # capture: the duration that was kept
    changes: str | None = None  # reload: which sources were kept, removed and added
    messages: Count | None = None  # outbox: how many are set aside, sent again or dropped
    parked: tuple[ParkedMessage, ...] | None = None  # outbox, show: the newest of them
    commissioning: Commissioning | None = None  # commission
    event_id: Count | None = None  # acknowledge, comment, label: of the event in the journal


class ShadowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a candidate that runs beside the present model."""

    windows: Count  # that both have scored
    dropped: Count  # not scored by the candidate, so that no live window had to wait
    agreement: Share | None  # of labels
    window_ms: float | None  # the candidate's mean time a window
    present_ms: float  # the present model's, in the live path


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model."""

    version: str
    sha256: Sha256  # of the model file, as in a message's `model`
    bundle: Sha256  # of the bundle that it came in
    since: Time


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the roll-out of one model; retained."""

    schema: str
    epoch: Epoch
    seq: Seq
    agent: str
    t_published: Time
    model: str  # its name
    state: str  # fetching, shadow, switched, kept, refused, rolled_back
    why: str | None  # the reason, for a person
    present: Release | None  # the installed one; None: the one that came with the agent
    candidate: Release | None
    shadow: ShadowFigures | None
    announced: str | None  # the version that was announced, while it is fetched or refused
