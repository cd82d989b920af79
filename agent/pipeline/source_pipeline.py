"""The pipeline of one source: its parts, its counters and its state."""

import collections
import threading
import time

import msgspec

from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline
from agent.config.source import SourceSettings
from agent.core.alarms import Standing
from agent.core.model_contract import NO_NETWORK, Contract
from agent.core.types import Commissioned, Scored
from agent.messages import payloads
from agent.messages.measurement import Measurement
from agent.messages.records import SourceInfo
from agent.pipeline import window_scorer
from agent.pipeline.window_scorer import Scorer

CONDITIONS = ("speed", "condition", "load", "temperature", "running")  # keys of a source
LATENCIES = 1000  # windows whose latency is kept, for health
UNDECIDED = ", no baseline: nothing is decided until it is commissioned"
LATE_S = 5.0  # a window that is scored so much later than due shows that something is wrong


class Publication(msgspec.Struct, frozen=True):
    """A scored window as it is published."""

    scored: Scored
    latency_s: float
    began_s: float  # Unix time of the window's first sample
    clip: str | None  # the file that will hold the signal around it
    event_id: int | None  # in the journal
    standing: Standing


class SourcePipeline(msgspec.Struct):
    """One source with everything that belongs to it alone, from its reader to its decisions."""

    settings: SourceSettings
    reader: SourceReader
    ring: Ring
    scorer: Scorer
    origin: payloads.Origin
    timeline: Timeline
    lost_baseline: str | None = None  # why the baseline that there is cannot be read
    speed_missing: bool = False  # the model reads the shaft's speed, and no key gives it
    # Read by the source thread.
    stopping: threading.Event = msgspec.field(default_factory=threading.Event)
    publish_until_s: float = 0.0  # monotonic: until then every window is published, on command
    measurement: Measurement | None = None  # the newest
    standing: Standing = Standing()  # alarm and maintenance
    stated: Publication | None = None  # of the newest state; None: none is published yet
    windows: int = 0
    flagged: int = 0
    scored_s: float = msgspec.field(default_factory=time.monotonic)  # when a window was last scored
    latencies_s: collections.deque[float] = msgspec.field(
        default_factory=lambda: collections.deque(maxlen=LATENCIES)
    )

    @property
    def name(self) -> str:
        return self.settings.common.name

    @property
    def hop(self) -> int:
        """Frames from the start of one window to the next, at the model's rate."""
        return self.scorer.windower.hop

    @property
    def drained(self) -> bool:
        """Whether the source has ended and its last window is scored."""
        return self.scorer.windower.drained

    @property
    def patient(self) -> bool:
        """Whether the source may be kept waiting without losing samples (a file, a pipe)."""
        return self.reader.conditioner is not None and self.reader.conditioner.format.patient

    def move(self, settings: SourceSettings) -> None:
        """Takes over settings that differ in nothing but the place, and where the file has them."""
        self.settings = settings
        self.origin = msgspec.structs.replace(self.origin, place=settings.place)

    def count(self, scored: Scored) -> float:
        """Counts a scored window; returns the seconds since its last sample arrived."""
        if not scored.window.samples.size:  # a fault of the source, not a window
            return 0.0
        self.scored_s = time.monotonic()
        latency_s = self.scored_s - scored.window.arrived_s
        self.windows += 1
        self.flagged += bool(scored.window.marks)
        self.latencies_s.append(latency_s)
        return latency_s

    def fail(self) -> Scored | None:
        """A fault of the source itself that was not reported before; None: there is none."""
        if self.ring.ended and not self.drained:
            return None  # what it delivered comes first
        now_s = time.monotonic()
        trouble = self.reader.trouble(now_s)
        return window_scorer.fail(self.scorer, trouble, self.ring.end, now_s) if trouble else None

    def alive(self, now_s: float) -> bool:
        """Whether windows are scored in time, or the reason for their absence is reported."""
        contract, hop_s = self.origin.contract, self.settings.common.hop_s
        patience_s = contract.window / contract.rate_hz + hop_s + LATE_S
        explained = self.drained or bool(self.reader.trouble(now_s))
        return explained or now_s - self.scored_s < patience_s

    def describe(self) -> str:
        """One line for a person: the source, its rate and the model that scores it."""
        model, conditioner = self.origin.contract, self.reader.conditioner
        source = (
            f"at {conditioner.format.rate_hz:g} Hz"
            if conditioner
            else f"not there: {self.reader.fault}"
        )
        choice = self.settings.model_choice
        chosen = "" if choice is None else f" (auto: {choice})"
        missing = ", which reads the shaft's speed: rpm or tacho is missing"
        baselines = {
            "none": ", no baseline" if model.name != NO_NETWORK else UNDECIDED,
            "lost": f", as if not commissioned: {self.lost_baseline}",
            "provisional": ", provisional baseline",
        }
        note = (missing if self.speed_missing else "") + baselines.get(self.commissioned, "")
        notes = [note for note in (self.reader.rate_note, self.reader.stuck_bit) if note]
        doubts = f" ({'; '.join(notes)})" if notes else ""
        return (
            f"{self.settings.common.kind} {source}{doubts} -> "
            f"{_title(model)} at {model.rate_hz:g} Hz{chosen}{note}"
        )

    @property
    def commissioned(self) -> Commissioned:
        """Whether there is a baseline, and whether it was learned from enough signal."""
        if self.scorer.monitor is None:
            return "none" if self.lost_baseline is None else "lost"
        return "provisional" if self.scorer.monitor.baseline.provisional else "whole"

    def info(self) -> SourceInfo:
        """What the agent's `info` message says of the source."""
        common, contract = self.settings.common, self.origin.contract
        return SourceInfo(
            name=common.name,
            kind=common.kind,
            hop_s=common.hop_s,
            window_s=contract.window / contract.rate_hz,
            rate_hz=contract.rate_hz,
            unit=self.origin.unit,
            labels=contract.labels,
            normal=contract.normal,
            model=self.origin.model,
            rpm=common.rpm,
            bearing=common.orders,
            machine_class=common.machine_class,
            baseline=self.commissioned,
            baseline_s=0.0 if self.scorer.monitor is None else self.scorer.monitor.baseline.seconds,
            condition=common.condition_name,
            model_choice=self.settings.model_choice,
            channels=contract.channels,
            measure_s=common.measure_s,
            tacho=common.tacho is not None,
            device=self.settings.device,
            conditions=tuple(key for key in CONDITIONS if getattr(common, key) is not None),
            place=self.settings.place,
            maintenance=self.standing.maintenance,
        )


def _title(model: Contract) -> str:
    """The model for a person."""
    if model.name == NO_NETWORK:
        return "no network"
    return f"{model.name} {model.version} ({model.precision})"
