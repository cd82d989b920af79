"""Valid small recordings of the formats that a library writes and reads."""

import tempfile
from pathlib import Path

import numpy as np

from tests.fuzz_recordings.mutants import FRAMES, RATE_HZ
from tests.support import written

FILES = {  # by format, those of `tests.support.written`
    "uff": ("ascii.uff", "binary.unv"),
    "tdms": ("a.tdms",),
    "h5": ("a.h5", "v73.mat"),
    "parquet": ("a.parquet",),
}


def valid(name: str) -> list[bytes]:
    """The bytes of some files of that format."""
    signal = 0.3 * np.random.default_rng(0).standard_normal((FRAMES, 2))
    return [_written(file, signal) for file in FILES[name]]


def _written(name: str, signal: "np.ndarray") -> bytes:
    write, _ = written.FILES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path, signal, RATE_HZ)
        return path.read_bytes()
