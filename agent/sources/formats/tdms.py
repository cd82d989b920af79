"""Reads National Instruments' TDMS, through npTDMS, piece by piece.

The rate is the channel's `wf_increment`, else a property of channel, group or file. A channel's
name is `group/channel`.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from nptdms import TdmsFile

from agent.sources.formats import sampling, signals
from agent.sources.formats.recording import Array, Recording, from_reader
from agent.sources.formats.signals import Signal

WITHIN = 1e-9  # relative: of the reciprocal of a step
CUT = "its last segment is not whole: the file was cut, and is read up to there"


def open_file(path: Path, variable: str) -> Recording:
    """`DataError` where no channels fit together."""
    file = TdmsFile.open(path)
    channels = [
        channel
        for group in file.groups()
        for channel in group.channels()
        if channel.dtype is not None and np.dtype(channel.dtype).kind in "iuf"
    ]
    described = [_signal(file, channel) for channel in channels]
    was_cut = bool(file.file_status.incomplete_final_segment)
    if was_cut:
        described = _shortened(described)
    chosen = signals.choose(path, described, variable)
    columns = [channels[at] for at in chosen]

    def read_at(first: int, end: int) -> Array:
        return np.stack([np.asarray(column[first:end]) for column in columns], axis=1)

    dtype = np.result_type(*(column.dtype for column in columns))
    first = described[chosen[0]]
    units = [described[at].unit for at in chosen]
    names, shape = [described[at].name for at in chosen], (first.frames, len(columns))
    recording = from_reader(read_at, dtype, shape, first.rate_hz, units=units, names=names)
    return msgspec.structs.replace(recording, note=CUT) if was_cut else recording


def _shortened(described: list[Signal]) -> list[Signal]:
    """As long as the shortest of the same rate: the last segment has some channels only in part."""
    shortest = {
        rate_hz: min(item.frames for item in described if item.rate_hz == rate_hz)
        for rate_hz in {item.rate_hz for item in described}
    }
    return [msgspec.structs.replace(item, frames=shortest[item.rate_hz]) for item in described]


def _signal(file: TdmsFile, channel: Any) -> Signal:
    group = file[channel.group_name]
    return Signal(
        f"{channel.group_name}/{channel.name}",
        len(channel),
        _rate_hz([channel.properties, group.properties, file.properties]),
        signals.unit(channel.properties),
    )


def _rate_hz(properties: list[dict[str, Any]]) -> float | None:
    step_s = properties[0].get("wf_increment")
    if isinstance(step_s, int | float) and step_s > 0:
        return sampling.roundest(1 / step_s, WITHIN)
    return next(filter(None, map(signals.rate_hz, properties)), None)
