"""A device and what it measures: it is read once, each of its points has a ring of its own."""

import contextlib
import functools
from collections.abc import Iterator, Sequence

import msgspec

from agent import sources
from agent.acquisition.arrivals import Arrivals
from agent.acquisition.conditioning import Conditioner
from agent.acquisition.fan_out import FanOut
from agent.acquisition.reader import SourceReader
from agent.acquisition.ring_buffer import Ring
from agent.acquisition.timestamps import Timeline
from agent.acquisition.windows import check_length
from agent.config.source import SourceSettings
from agent.core.errors import ConfigError, UserError
from agent.core.types import Source
from agent.diagnosis import measurements
from agent.pipeline import source_format, window_scorer
from agent.pipeline.source_build import SourceBuild

MAX_RING_BYTES = 512 * 2**20  # of one source


class Point(msgspec.Struct, frozen=True):
    """One of the sources that a device feeds; a device without `points` feeds one."""

    build: SourceBuild
    ring: Ring
    timeline: Timeline


def point(build: SourceBuild) -> Point:
    """Its ring and its time, empty; `ConfigError` where rate or ring cannot be."""
    if (rate_hz := getattr(build.settings.options, "rate_hz", None)) is not None:
        source_format.check_rate(rate_hz, build.contract)  # also of a device that is not there
    return Point(build, _ring(build), Timeline(build.runtime.clock, build.contract.rate_hz))


def reader(points: Sequence[Point]) -> SourceReader:
    """What reads the device of these points; it is not open yet."""
    first = points[0].build
    kind, options = first.settings.common.kind, first.settings.options
    open_source = functools.partial(sources.open_source, kind, options)
    return SourceReader(
        first.settings.reads,
        functools.partial(first.runtime.wrap_source, open_source),
        functools.partial(_attach, points),
        [item.ring for item in points],
        first.runtime.wake,
        sources.longest_s(kind, options),
        kind in sources.SETS_ITS_RATE,
    )


def _attach(points: Sequence[Point], source: Source) -> Conditioner | FanOut:
    """What conditions the opened source for its points; `UserError` where one does not fit."""
    arrivals = Arrivals(source.format)
    conditioners = []
    for item in points:
        with naming(item.build.settings):
            conditioners.append(_conditioner(item, arrivals))
    return conditioners[0] if len(points) == 1 else FanOut(arrivals, conditioners)


@contextlib.contextmanager
def naming(settings: SourceSettings) -> Iterator[None]:
    """Names the point that a `UserError` is about, below its device."""
    try:
        yield
    except UserError as error:
        if settings.device is None:
            raise
        place = settings.path.rpartition(".")[2]
        raise error.within(f"{place} ({settings.common.name})") from None


def _conditioner(item: Point, arrivals: Arrivals) -> Conditioner:
    build, source = item.build, arrivals.format
    common, contract = build.settings.common, build.contract
    check_length(source, contract)
    source_format.check_rate(source.rate_hz, contract)
    channels = source_format.channels(build.settings, contract, source)
    keys = (channels, common.scale, common.tacho, common.bits)
    conditioner = Conditioner(source, item.ring, contract.rate_hz, *keys, arrivals)
    item.timeline.attach(arrivals)
    return conditioner


def _ring(build: SourceBuild) -> Ring:
    """A ring as long as configured, with the history that measurements and clips look back on."""
    contract = build.contract
    frames = max(2 * contract.window, round(build.settings.common.buffer_s * contract.rate_hz))
    measured = round(measurements.SECONDS * contract.rate_hz)
    clipped = round(build.clip_s * contract.rate_hz) + contract.window
    history = max(measured, clipped) + window_scorer.MAX_WINDOWS_PER_SOURCE * build.hop
    size = (frames + history) * (4 * (contract.channels + build.has_tacho) + 1)
    if size > MAX_RING_BYTES:
        limit_s = frames / contract.rate_hz * MAX_RING_BYTES / size
        buffer_s = build.settings.common.buffer_s
        raise ConfigError(f"buffer_s: found {buffer_s:g}, expected at most about {limit_s:.0f}")
    return Ring(frames, contract.channels + build.has_tacho, build.runtime.wake, history)
