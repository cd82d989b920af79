"""Reads time signals of universal files (UFF, type 58, ASCII and binary), through pyuff.

Each function of type "time response" is a channel, named by node and direction, e.g. `12:+Z`. Type
58 as the University of Cincinnati's Structural Dynamics Research Laboratory describes it.
"""

import mmap
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyuff

from agent.core.errors import DataError
from agent.sources.formats import sampling, signals
from agent.sources.formats.recording import Recording, from_array
from agent.sources.formats.signals import Signal

LARGEST = 1 << 29  # bytes: pyuff reads a file as a whole
TIME_RESPONSE = 1
EVEN = 1
COMPLEX = (5, 6)
DIRECTIONS = {0: "", 1: ":+X", 2: ":+Y", 3: ":+Z", -1: ":-X", -2: ":-Y", -3: ":-Z"}
MARK = re.compile(rb"    -1(?=[\r\n]|\Z| {74})")  # begins and ends a set, as pyuff finds them
CUT = "its last set has no end: the file was cut, and the sets before are read"
WITHIN = 6e-6  # relative: a step of the abscissa has six digits


def open_file(path: Path, variable: str) -> Recording:
    """`DataError` for a file without time signals, of uneven steps, cut, or above `LARGEST`."""
    size = path.stat().st_size
    if size > LARGEST:
        found = f"found {size >> 20} MiB, expected at most {LARGEST >> 20}"
        raise DataError(f"{path}: {found}: UFF is read as a whole, save parts of it")
    file = pyuff.UFF(str(path))
    numbers = [at for at, kind in enumerate(file.get_set_types()) if int(kind) == 58]
    headers = {at: file.read_sets(at, header_only=True) for at in numbers}
    timed = [at for at in numbers if headers[at].get("func_type") == TIME_RESPONSE]
    if not timed:
        raise DataError(f"{path}: found no time response of type 58, expected one or more")
    described = [_signal(path, headers[at]) for at in timed]
    chosen = signals.choose(path, described, variable)
    columns = [_numbers(path, file.read_sets(timed[at]), described[at]) for at in chosen]
    units = [described[at].unit for at in chosen]
    names, rate_hz = [described[at].name for at in chosen], described[chosen[0]].rate_hz
    recording = from_array(np.stack(columns, axis=1), rate_hz, units, names)
    return msgspec.structs.replace(recording, note=CUT) if _was_cut(path) else recording


def _was_cut(path: Path) -> bool:
    """Whether a set begins that does not end: pyuff leaves it out without a word."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return len(MARK.findall(data)) % 2 == 1


def _signal(path: Path, header: dict[str, Any]) -> Signal:
    name = f"{header['rsp_node']}{DIRECTIONS.get(header['rsp_dir'], '')}"
    step_s = float(header["abscissa_inc"])
    if header["abscissa_spacing"] != EVEN or not step_s > 0:
        raise DataError(f"{path}: {name}: found uneven steps of time, expected steady sampling")
    if header["ord_data_type"] in COMPLEX:
        raise DataError(f"{path}: {name}: found complex numbers, expected a time signal")
    rate_hz = sampling.roundest(1 / step_s, WITHIN)
    unit = signals.unit_of(header.get("ordinate_axis_units_lab") or "")
    return Signal(name, int(header["num_pts"]), rate_hz, unit)


def _numbers(path: Path, data: dict[str, Any], signal: Signal) -> "np.ndarray[Any, Any]":
    """The signal's samples; line ends after a binary block may be read as one more."""
    values = np.asarray(data["data"], np.float64)
    if len(values) < signal.frames:
        found = f"found {len(values)} of {signal.frames} numbers"
        raise DataError(f"{path}: {signal.name}: {found}: the file was cut")
    return values[: signal.frames]
