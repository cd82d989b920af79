"""Reads a MATLAB file of version 4 to 7.2 as a recording, through scipy.

A file may hold several arrays: one of the Case Western rig holds X097_DE_time, X097_FE_time and
X097RPM, one of MFPT a struct with a signal `gs` and its rate `sr`. The signal is the only long
array, or the one whose name matches the user's pattern. Free of torch.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from agent.core.errors import DataError
from agent.sources.formats import matlab_tags, signals
from agent.sources.formats.recording import Array, Recording, from_array

# What scipy raises where a file is damaged in a way that its tags do not show.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, OSError, MemoryError)


def open_file(path: Path, variable: str) -> Recording:
    """Opens the signal whose name matches the pattern `variable` ('': the only signal).

    A matrix has its frames along its longer side. Raises DataError where none or several match,
    and for MATLAB 7.3 files, which are HDF5.
    """
    arrays = dict(_flat("", _loaded(path)))
    found = {name: array for name, array in arrays.items() if array.size >= signals.SHORTEST}
    matching = [name for name in found if not variable or fnmatchcase(name, variable)]
    if len(matching) != 1:
        names = ", ".join(matching or found) or "no signal"
        expected = f"one that matches {variable!r}" if variable else "one (--variable '*_DE_time')"
        raise DataError(f"{path}: found {names}, expected {expected}")
    signal = found[matching[0]]
    if signal.ndim > 2:
        raise DataError(f"{path}: {matching[0]}: found {list(signal.shape)}, expected two axes")
    table = signal.reshape(len(signal), -1)
    rate_hz = signals.rate_hz({name.rpartition(".")[2]: array for name, array in arrays.items()})
    return from_array(table if len(table) >= table.shape[1] else table.T, rate_hz)


def _loaded(path: Path) -> dict[str, object]:
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
