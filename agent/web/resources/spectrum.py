"""`/api/spectrum`: a source's spectrum and its envelope's, now, with the lines of its bearing.

Both are of the newest seconds in the ring. One source's spectra are made at most once in
`EVERY_S`, however many browsers ask for them.
"""

import threading
import time

import msgspec
import numpy as np

from agent.core.bearing import Orders
from agent.core.types import FaultLine
from agent.diagnosis import envelope, periodicity, spectra
from agent.diagnosis.baseline import band_levels, points
from agent.diagnosis.baseline.band_levels import BandLevels
from agent.diagnosis.baseline.file import OperatingPoint
from agent.diagnosis.measurements import SECONDS
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web.http.request import RefusedError, Request, Route
from agent.web.observed.states import SourceStates
from agent.web.resources import sources as running
from agent.web.resources.rounding import short
from agent.web.resources.sources import Sources

EVERY_S = 2.0
MOST_POINTS = 1000  # of a curve
HARMONICS = 4
SHAFT_HARMONICS = 10
WITHOUT_LINES_HZ = 500.0  # of the envelope's spectrum, where no line is known


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """A curve at equal steps of frequency; each value is the largest within its step."""

    step_hz: float
    values: list[float]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Lines to look for: those of a defect, or the shaft's harmonics."""

    name: str  # bpfo, bpfi, bsf (twice the spin), ftf or shaft
    order: float  # of the first, in turns of the shaft
    lines_hz: list[float]
    db: float | None  # how far the series stands out, as in the newest measurement
    healthy_db: float | None  # the same of the commissioned machine


class Spectrum(msgspec.Struct, frozen=True, kw_only=True):
    """Of one channel. None is what is not known, or too little signal for it."""

    seconds: float  # of signal
    unit: str
    rpm: float | None
    density: Points  # RMS in `unit` per root hertz
    healthy: BandLevels | None  # of the commissioned machine, in the same unit
    envelope_db: Points | None  # above the level around
    envelope_band_hz: tuple[float, float] | None  # that was demodulated
    series: list[Series]


class SpectrumMaker:
    """Makes spectra for the threads of connections, one at a time."""

    def __init__(self, states: SourceStates) -> None:
        self._states = states
        self._lock = threading.Lock()
        self._made: dict[tuple[str, int], tuple[float, Spectrum]] = {}

    def of(self, pipeline: SourcePipeline, channel: int) -> Spectrum:
        """`RefusedError` with status 503 where there is no sound signal at this moment."""
        key = pipeline.name, channel
        with self._lock:
            made_s, spectrum = self._made.get(key, (-np.inf, None))
            if spectrum is None or time.monotonic() - made_s > EVERY_S:
                state = self._states.of(pipeline.name)
                spectrum = make(pipeline, channel, None if state is None else state.condition)
                self._made[key] = time.monotonic(), spectrum
            return spectrum


def route(sources: Sources, states: SourceStates) -> Route:
    maker = SpectrumMaker(states)

    def answer(request: Request) -> Spectrum:
        pipeline = sources.of(request)
        return maker.of(pipeline, running.channel(request, pipeline))

    return Route("GET", "/api/spectrum", answer)


def make(pipeline: SourcePipeline, channel: int, condition: str | None = None) -> Spectrum:
    """Of the newest sound seconds of a channel; `RefusedError` as `SpectrumMaker.of`.

    `condition` is the machine's, where it is published.
    """
    contract = pipeline.origin.contract
    ring, rate_hz = pipeline.ring, contract.rate_hz
    samples = ring.clean(ring.end, round(SECONDS * rate_hz))[:, : contract.channels]
    if len(samples) < contract.window:
        raise RefusedError(503, f"{pipeline.name}: no sound signal at this moment")
    signal = samples[:, channel].astype(np.float64)
    rpm, orders = _rpm(pipeline), pipeline.settings.common.orders
    lines = _series(pipeline, channel, rpm, orders)
    point = _point(pipeline, condition or pipeline.scorer.condition, rpm)
    window = samples[-contract.window :].T
    demodulated = _envelope(signal, rate_hz, rpm, orders)
    density = spectra.pooled(spectra.density(signal, rate_hz), rate_hz / 2, MOST_POINTS)
    return Spectrum(
        seconds=round(len(signal) / rate_hz, 3),
        unit=pipeline.origin.unit,
        rpm=rpm,
        density=_points(density),
        healthy=None if point is None else band_levels.healthy(point, window, channel, rate_hz),
        envelope_db=None if demodulated is None else _envelope_points(demodulated, lines),
        envelope_band_hz=None if demodulated is None else demodulated.band_hz,
        series=lines,
    )


def _rpm(pipeline: SourcePipeline) -> float | None:
    measured = pipeline.measurement
    return (pipeline.settings.common.rpm if measured is None else measured.rpm) or None


def _envelope(
    signal: envelope.Signal, rate_hz: float, rpm: float | None, orders: Orders | None
) -> envelope.Envelope | None:
    if len(signal) / rate_hz < periodicity.LEAST_S or not signal.std():
        return None
    least_hz = periodicity.BAND_HZ
    if rpm is not None and orders is not None:
        least_hz = envelope.highest_hz(orders, rpm)
    return envelope.envelope(signal, rate_hz, least_hz)


def _envelope_points(demodulated: envelope.Envelope, lines: list[Series]) -> Points:
    highest_hz = max(
        (line.lines_hz[-1] for line in lines if line.name != "shaft"), default=WITHOUT_LINES_HZ
    )
    return _points(spectra.pooled(spectra.envelope_db(demodulated), 1.05 * highest_hz, MOST_POINTS))


def _series(
    pipeline: SourcePipeline, channel: int, rpm: float | None, orders: Orders | None
) -> list[Series]:
    if rpm is None:
        return []
    measured = pipeline.measurement
    physics = None if measured is None else measured.physics[channel]
    found = [_one("shaft", 1.0, rpm, SHAFT_HARMONICS, None, None)]
    for name, order in envelope.series(orders).items() if orders is not None else ():
        now = None if physics is None else physics.evidence_db
        own = None if physics is None else physics.healthy_db
        found.append(_one(name, order, rpm, HARMONICS, now, own))
    return found


def _one(
    name: str,
    order: float,
    rpm: float,
    harmonics: int,
    now: FaultLine | None,
    healthy: FaultLine | None,
) -> Series:
    return Series(
        name=name,
        order=round(order, 4),
        lines_hz=[round(order * rpm / 60 * k, 3) for k in range(1, harmonics + 1)],
        db=None if now is None else getattr(now, name),
        healthy_db=None if healthy is None else getattr(healthy, name),
    )


def _point(
    pipeline: SourcePipeline, condition: str | None, rpm: float | None
) -> OperatingPoint | None:
    """Of the healthy machine, as it is now; None: it was not commissioned so."""
    monitor = pipeline.scorer.monitor
    return None if monitor is None else points.find(monitor.baseline.points, condition, rpm)


def _points(curve: spectra.Curve) -> Points:
    return Points(step_hz=round(curve.step_hz, 6), values=[short(value) for value in curve.values])
