"""`/api/setup`: what arrives from each source, and how its commissioning stands."""

from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from agent.core.types import Commissioned
from agent.messages.commissioning import Commissioning
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web.http.request import Route
from agent.web.resources.sources import Sources

LEVEL_S = 0.5  # of signal, for the meters


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One channel over the last moment, in the source's unit."""

    rms: float
    peak: float


class Arriving(msgspec.Struct, frozen=True, kw_only=True):
    """One source. None is what is not known."""

    name: str
    kind: str
    summary: str  # the source and its model, in one line
    status: str  # `ok`, or what is wrong
    nominal_hz: float | None  # frames a second that should arrive
    measured_hz: float | None  # that do, over up to a minute; not of a recording
    samples: int  # frames that came since the start
    gaps: int
    missing: int  # frames
    overrun: int  # frames
    flagged: int  # windows
    windows: int
    unit: str
    full_scale: float | None  # the largest sample that the converter has
    levels: list[Level]  # of each channel; empty: nothing came yet
    baseline: Commissioned
    baseline_s: float
    labels: dict[str, int]  # labelled clips of the data set
    commissioning: Commissioning | None  # the newest


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """All sources, in the order of the configuration."""

    sources: list[Arriving]


def route(
    sources: Sources,
    commissionings: Callable[[], Mapping[str, Commissioning]],
    labels: Callable[[str], dict[str, int]],
) -> Route:
    """`labels` counts the labelled clips of a source."""

    def answer(_request: object) -> Setup:
        stands = commissionings()
        return Setup(
            sources=[
                arriving(pipeline, stands.get(pipeline.name), labels(pipeline.name))
                for pipeline in sources.all()
            ]
        )

    return Route("GET", "/api/setup", answer)


def arriving(
    pipeline: SourcePipeline, commissioning: Commissioning | None, labels: dict[str, int]
) -> Arriving:
    """The source at this moment."""
    conditioner, clock = pipeline.reader.conditioner, pipeline.reader.sample_clock
    full_scale = None if conditioner is None else conditioner.format.full_scale
    monitor, ring = pipeline.scorer.monitor, pipeline.ring
    return Arriving(
        name=pipeline.name,
        kind=pipeline.settings.common.kind,
        summary=pipeline.describe(),
        status=pipeline.reader.status(),
        nominal_hz=None if conditioner is None else conditioner.format.rate_hz,
        measured_hz=None if clock is None else clock.meter.measured_hz,
        samples=pipeline.reader.samples,
        gaps=ring.gaps,
        missing=ring.missing,
        overrun=ring.overrun,
        flagged=pipeline.flagged,
        windows=pipeline.windows,
        unit=pipeline.origin.unit,
        full_scale=full_scale and full_scale * abs(pipeline.settings.common.scale),
        levels=_levels(pipeline),
        baseline=pipeline.commissioned,
        baseline_s=0.0 if monitor is None else monitor.baseline.seconds,
        labels=labels,
        commissioning=commissioning,
    )


def _levels(pipeline: SourcePipeline) -> list[Level]:
    ring, contract = pipeline.ring, pipeline.origin.contract
    first = max(ring.start, ring.end - max(1, round(LEVEL_S * contract.rate_hz)))
    if first >= ring.end:
        return []
    samples, _, _ = ring.read(first, ring.end - first)
    heard = np.nan_to_num(samples[:, : contract.channels])
    rms, peak = np.sqrt(np.mean(np.square(heard), axis=0)), np.max(np.abs(heard), axis=0)
    return [Level(rms=float(r), peak=float(p)) for r, p in zip(rms, peak, strict=True)]
