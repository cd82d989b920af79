"""Every payload that leaves the agent, as a typed record. `docs/MQTT.md` explains the fields."""

import msgspec

from agent.bearing import MachineClass, Orders


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Which network said so."""

    name: str
    version: str
    sha256: str
    precision: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How far the bearing's lines stand out of the envelope's spectrum around them, in dB."""

    bpfo: float
    bpfi: float
    bsf: float  # of the lines at twice the spin
    ftf: float


class Physics(msgspec.Struct, frozen=True, kw_only=True):
    """What the signal before a change of state shows without any network; of one channel."""

    seconds: float  # of signal behind it, up to the window's end
    rms: float  # without the mean, in the source's unit, as the next one
    peak: float
    crest: float | None
    kurtosis: float | None  # 3 for noise of a normal distribution
    velocity_mm_s: float | None  # RMS over the band
    velocity_band_hz: tuple[float, float] | None
    zone: str | None  # ISO 20816-3: A to D
    envelope_band_hz: tuple[float, float] | None  # that was demodulated
    evidence_db: Evidence | None
    shows: str | None  # the line of evidence that is strong enough: bpfo, bpfi, bsf, ftf


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """A window, or a source's state and the window that changed it."""

    schema: str
    epoch: str
    seq: int
    agent: str
    source: str
    t_start: str  # of the window, measured; ISO 8601, UTC, milliseconds
    t_end: str
    t_published: str  # when it was put in the outbox
    first_sample: int  # absolute index at rate_hz
    n_samples: int
    dropped: int  # samples of the window that are missing
    rate_hz: float  # the model's
    unit: str
    flags: list[str]  # gap, overrun, clipped, invalid, flat
    decision: str  # normal, fault, unknown, abstain, sensor_fault
    label: str | None
    probability: float | None  # a window's own; smoothed in states and events
    probabilities: dict[str, float] | None  # of the window; None: flagged, not classified
    snr_db: float | None
    shrinkage: float | None
    distance: float | None
    model: Model
    latency_ms: float  # from the window's last sample to the outbox
    previous: str | None = None  # the decision before; in states and events
    physics: tuple[Physics, ...] | None = None  # a channel each; in states and events


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


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Who the agent is; retained."""

    schema: str
    agent: str
    version: str
    epoch: str
    t_published: str
    sources: list[SourceInfo]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that had to be dropped before they were delivered."""

    schema: str
    epoch: str
    seq: int  # also that of the last message dropped
    agent: str
    t_published: str
    first_seq: int
    last_seq: int
    messages: int
    why: str  # messages, bytes, age (the limit that was reached) or disk (that took nothing)


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one source since the start."""

    state: str  # ok, or what is wrong
    opened: int  # times
    samples: int  # frames taken from it
    gaps: int
    missing: int  # frames that never arrived, at the model's rate
    overrun: int  # frames that were overwritten before they were scored
    windows: int
    flagged: int  # windows that were not classified, for what is wrong with them
    missed: int  # windows of which nothing was left
    decision: str
    latency_ms: tuple[float, float] | None  # p50 and p99: last sample to outbox


class ClockHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The wall clock."""

    synchronised: bool | None  # None: the system does not say
    steps: int  # seen since the start


class MqttHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The connection; it can only be told while there is one."""

    state: str
    why: str | None
    connects: int


class OutboxHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Messages on their way."""

    depth: int  # not acknowledged
    age_s: float  # of the oldest
    dropped: int  # since the epoch began
    parked: int
    trouble: str | None  # why the disk takes nothing


class ProcessHealth(msgspec.Struct, frozen=True, kw_only=True):
    rss_mib: float
    rss_peak_mib: float
    threads: int
    fds: int


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """p50 and p99 of the last messages, in ms."""

    scored: tuple[float, float] | None  # last sample to outbox, over all sources
    acknowledged: tuple[float, float] | None  # outbox to PUBACK


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One `health` message."""

    schema: str
    agent: str
    t_published: str
    uptime_s: float
    clock: ClockHealth
    mqtt: MqttHealth
    outbox: OutboxHealth
    process: ProcessHealth
    latency_ms: Latencies
    sources: dict[str, SourceHealth]
