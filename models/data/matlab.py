"""Reads a MATLAB file as a recording, through scipy.

A file may hold several arrays: one of the Case Western rig holds X097_DE_time, X097_FE_time and
X097RPM, one of MFPT a struct with a signal `gs` and its rate `sr`. The signal is the only long
array, or the one whose name matches the user's pattern. Free of torch.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core import extras
from agent.core.errors import DataError, UserError
from agent.sources.recordings import OpenRecording, from_array
from models.data import matlab_tags

RATES = ("fs", "sr", "rate_hz", "sample_rate", "samplerate", "sampling_rate", "samplingrate")
SHORTEST = 64  # numbers: a shorter array is a setting, not a signal

# What scipy raises where a file is damaged in a way that its tags do not show.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, OSError, MemoryError)

Array = npt.NDArray[np.generic]


def open_mat(path: Path, variable: str) -> OpenRecording:
    """Opens the signal whose name matches the pattern `variable` ('': the only signal).

    A matrix has its frames along its longer side. Raises DataError where none or several match,
    and for MATLAB 7.3 files, which are HDF5.
    """
    arrays = dict(_flat("", _loaded(path)))
    signals = {name: array for name, array in arrays.items() if array.size >= SHORTEST}
    matching = [name for name in signals if not variable or fnmatchcase(name, variable)]
    if len(matching) != 1:
        found = ", ".join(matching or signals) or "no signal"
        expected = f"one that matches {variable!r}" if variable else "one (--variable '*_DE_time')"
        raise DataError(f"{path}: found {found}, expected {expected}")
    signal = signals[matching[0]]
    if signal.ndim > 2:
        raise DataError(f"{path}: {matching[0]}: found {list(signal.shape)}, expected two axes")
    table = signal.reshape(len(signal), -1)
    return from_array(table if len(table) >= table.shape[1] else table.T, _rate_hz(arrays))


def _loaded(path: Path) -> dict[str, object]:
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise UserError(f"{path}: needs scipy: {extras.install('train')}") from None
    matlab_tags.check(path)
    try:
        variables: dict[str, object] = loadmat(path, simplify_cells=True)
    except NotImplementedError:
        raise DataError(
            f"{path}: found MATLAB 7.3 (HDF5), expected an older format: save(..., '-v7')"
        ) from None
    except (*UNREADABLE, MatReadError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable MATLAB file: {reason}") from None
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def _flat(name: str, value: object) -> Iterator[tuple[str, Array]]:
    """Numeric arrays by name; a field of a struct is 'struct.field'."""
    if isinstance(value, dict):
        for key, field in value.items():
            yield from _flat(f"{name}.{key}".removeprefix("."), field)
    elif np.asarray(value).dtype.kind in "iuf":
        yield name, np.asarray(value)


def _rate_hz(arrays: dict[str, Array]) -> float | None:
    rates = [
        float(array.item())
        for name, array in arrays.items()
        if name.rpartition(".")[2].lower() in RATES and array.size == 1
    ]
    return rates[0] if rates and rates[0] > 0 else None
