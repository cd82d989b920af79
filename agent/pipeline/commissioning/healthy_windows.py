"""What commissioning has taken in of a healthy machine."""

from collections import Counter
from typing import Literal

import msgspec

from agent.core.model_contract import NO_NETWORK
from agent.core.types import Scored
from agent.diagnosis.baseline.healthy_signal import HealthySignal
from agent.pipeline import build
from agent.pipeline.source_pipeline import SourcePipeline

LINES_EVERY_S = 2.5  # of signal, between two looks at the bearing's lines
ENOUGH = 100  # windows, before anything is said against them
FAULTY_SHARE = 0.2  # of windows that the network calls faulty: worth a warning
FLAGGED_SHARE = 0.2

Suspicion = Literal["faulty", "flagged"]  # by the network, by the checks of the signal


class HealthyWindows(msgspec.Struct):
    """The sound windows, and what the network said of them; flagged ones are only counted."""

    signal: HealthySignal = msgspec.field(default_factory=HealthySignal)
    labels: Counter[str] = msgspec.field(default_factory=Counter)
    flags: Counter[str] = msgspec.field(default_factory=Counter)
    network: bool = False  # whether there is one
    faulty: int = 0
    flagged: int = 0
    missing: str | None = None  # why a window had no speed or condition, the last one
    lines_frame: int = 0  # before it nothing is looked at again

    @property
    def faulty_share(self) -> float:
        return self.faulty / max(1, self.signal.windows)

    @property
    def flagged_share(self) -> float:
        return self.flagged / max(1, self.flagged + self.signal.windows)

    @property
    def suspicions(self) -> tuple[Suspicion, ...]:
        """What speaks against these windows, once there are enough of them."""
        if self.signal.windows + self.flagged < ENOUGH:
            return ()
        suspicions: list[Suspicion] = []
        if self.faulty_share > FAULTY_SHARE:
            suspicions.append("faulty")
        if self.flagged_share > FLAGGED_SHARE:
            suspicions.append("flagged")
        return tuple(suspicions)

    def describe(self) -> str:
        """The windows and the network's words on them, for a person."""
        flags = ", ".join(f"{name} {count:,}" for name, count in self.flags.most_common())
        flagged = f"{self.flagged:,} flagged" + (f" ({flags})" if flags else "")
        counts = f"{self.signal.windows:,} sound windows, {flagged}; {self.describe_network()}"
        return counts if self.missing is None else f"{counts}; {self.missing}"

    def describe_network(self) -> str:
        total = max(1, self.signal.windows)
        labels = ", ".join(f"{name} {n / total:.0%}" for name, n in self.labels.most_common())
        return f"the network: {labels or 'nothing yet'}" if self.network else "no network"

    def take(self, scored: Scored, pipeline: SourcePipeline) -> None:
        """Takes one scored window."""
        window, rate_hz = scored.window, pipeline.origin.contract.rate_hz
        self.network = pipeline.origin.contract.name != NO_NETWORK
        if window.marks:
            self.flagged += 1
            self.flags.update(window.flags)
            self.signal.interrupt()
            return
        self.missing = window.missing
        if window.missing is not None or window.stopped is not None:
            self.signal.interrupt()
            return
        common, scorer = pipeline.settings.common, pipeline.scorer
        judge = build.judge(pipeline.settings, pipeline.origin.contract)
        verdict = judge.of(
            window.marks, scored.prediction
        )  # the network's, whatever a baseline says
        rpm, condition = scorer.rpm_of(window), scorer.condition_of(window)
        self.signal.take(window, pipeline.hop, rpm, condition)
        self.labels[verdict.label or verdict.decision] += 1
        self.faulty += verdict.decision == "fault"
        if common.orders is not None and window.first >= self.lines_frame:
            self.signal.take_lines(pipeline.scorer.examine(window))
            self.lines_frame = window.first + round(LINES_EVERY_S * rate_hz)
