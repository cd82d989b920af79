"""One configured source with all that is its own, and what is known of how it fares."""

import collections
import threading
import time
from dataclasses import dataclass, field

from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline
from agent.config import load
from agent.core.types import Scored
from agent.messages import payloads
from agent.messages.records import SourceInfo
from agent.pipeline import window_scorer
from agent.pipeline.window_scorer import Scorer

LATENCIES = 1000  # windows whose latency is remembered, for health
LATE_S = 5.0  # how much later than due a window may be scored before something is wrong


@dataclass
class SourcePipeline:
    """A source with all that is its own."""

    settings: load.Source
    reader: SourceReader
    ring: Ring
    scorer: Scorer
    origin: payloads.Origin
    timeline: Timeline
    untold: bool = False  # the model reads the shaft's speed, which nobody tells
    stopping: threading.Event = field(default_factory=threading.Event)  # read by its thread
    publish_until_s: float = 0.0  # monotonic: every window is published, as somebody asked for
    windows: int = 0
    flagged: int = 0
    scored_s: float = field(default_factory=time.monotonic)  # when a window last was
    latencies_s: collections.deque[float] = field(
        default_factory=lambda: collections.deque(maxlen=LATENCIES)
    )

    @property
    def name(self) -> str:
        return self.settings.common.name

    @property
    def drained(self) -> bool:
        return self.scorer.windower.drained

    @property
    def patient(self) -> bool:
        """Whether the source may be kept waiting."""
        return self.reader.conditioner is not None and self.reader.conditioner.format.patient

    def count(self, scored: Scored) -> float:
        """Notes a scored window; the seconds since its last sample came in."""
        if not scored.window.samples.size:  # a source's fault, not a window
            return 0.0
        self.scored_s = time.monotonic()
        latency_s = self.scored_s - scored.window.arrived_s
        self.windows += 1
        self.flagged += bool(scored.window.marks)
        self.latencies_s.append(latency_s)
        return latency_s

    def fail(self) -> Scored | None:
        """The source's own fault, where it has one that was not told."""
        now_s = time.monotonic()
        trouble = self.reader.trouble(now_s)
        return window_scorer.fail(self.scorer, trouble, self.ring.end, now_s) if trouble else None

    def alive(self, now_s: float) -> bool:
        """Whether its windows are scored as they should be, or it is known why there are none."""
        contract, hop_s = self.origin.contract, self.settings.common.hop_s
        patience_s = contract.window / contract.rate_hz + hop_s + LATE_S
        known = self.drained or bool(self.reader.trouble(now_s))
        return known or now_s - self.scored_s < patience_s

    def told(self) -> str:
        """One line for a person: what goes through this lane."""
        model, conditioner = self.origin.contract, self.reader.conditioner
        source = (
            f"at {conditioner.format.rate_hz:g} Hz"
            if conditioner
            else f"not there: {self.reader.fault}"
        )
        untold = ", which reads the shaft's speed: rpm or tacho is missing" if self.untold else ""
        return (
            f"{self.settings.common.kind} {source} -> {model.name} {model.version} "
            f"({model.precision}) at {model.rate_hz:g} Hz{untold}"
        )

    def info(self) -> SourceInfo:
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
        )
