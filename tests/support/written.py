"""Recordings of each format, written by the library of that format."""

from collections.abc import Callable
from pathlib import Path

import h5py
import nptdms
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyuff
import scipy.io

Signal = npt.NDArray[np.float64]  # [frames, channels]
Write = Callable[[Path, Signal, float], None]
MATLAB_HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM"


def uff_ascii(path: Path, signal: Signal, rate_hz: float) -> None:
    _uff(path, signal, rate_hz, binary=0)


def uff_binary(path: Path, signal: Signal, rate_hz: float) -> None:
    _uff(path, signal, rate_hz, binary=1)


def _uff(path: Path, signal: Signal, rate_hz: float, binary: int) -> None:
    """A channel a set; pyuff loses the header of a binary one that it does not add to a file."""
    path.write_bytes(b"")
    for channel, data in enumerate(signal.T):
        time_response = {
            "type": 58,
            "binary": binary,
            "func_type": 1,
            "rsp_node": 12,
            "rsp_dir": channel + 1,
            "ref_node": 1,
            "ref_dir": 1,
            "data": data,
            "x": np.arange(len(data)) / rate_hz,
            "abscissa_spacing": 1,
            "orddenom_spec_data_type": 0,
            "ordinate_axis_units_lab": "m/s^2",
        }
        pyuff.UFF(str(path)).write_sets(time_response, "add")


def tdms(path: Path, signal: Signal, rate_hz: float) -> None:
    """In three segments, as a recorder writes them."""
    properties = {"wf_increment": 1 / rate_hz, "unit_string": "g"}
    with nptdms.TdmsWriter(str(path)) as writer:
        for part in np.array_split(signal, 3):
            writer.write_segment(
                nptdms.ChannelObject("Vib", f"ai{number}", data, properties)
                for number, data in enumerate(part.T)
            )


def hdf5(path: Path, signal: Signal, rate_hz: float) -> None:
    """A compressed data set a channel, with attributes."""
    with h5py.File(path, "w") as file:
        for name, data in zip("xyz", signal.T, strict=False):
            item = file.create_dataset(f"vib/{name}", data=data, chunks=True, compression="gzip")
            item.attrs["fs"], item.attrs["units"] = rate_hz, "m/s**2"


def matlab_73(path: Path, signal: Signal, rate_hz: float) -> None:
    """A struct with a matrix and its rate, as MATLAB lays them out: columns first."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("bearing")
        group.create_dataset("gs", data=signal.T).attrs["MATLAB_class"] = np.bytes_("double")
        group.create_dataset("sr", data=[[rate_hz]]).attrs["MATLAB_class"] = np.bytes_("double")
        name = np.frombuffer(b"a" * 100, np.uint8).astype(np.uint16)[:, None]
        group.create_dataset("name", data=name).attrs["MATLAB_class"] = np.bytes_("char")
    with path.open("r+b") as block:
        block.write(MATLAB_HEADER)


def matlab_5(path: Path, signal: Signal, rate_hz: float) -> None:
    scipy.io.savemat(path, {"bearing": {"gs": signal, "sr": rate_hz}})


def parquet(path: Path, signal: Signal, rate_hz: float) -> None:
    """A column of time and one a channel, in several row groups."""
    times = pa.field("time_ms", pa.float64())
    names = [f"acc{number}" for number in range(signal.shape[1])]
    fields = [pa.field(name, pa.float64(), metadata={"unit": "g"}) for name in names]
    columns = [1000 * np.arange(len(signal)) / rate_hz, *signal.T]
    table = pa.Table.from_arrays([pa.array(c) for c in columns], schema=pa.schema([times, *fields]))
    pq.write_table(table, path, row_group_size=1000)


FILES: dict[str, tuple[Write, str | None]] = {  # name: what writes it, the unit that it has
    "ascii.uff": (uff_ascii, "m/s2"),
    "binary.unv": (uff_binary, "m/s2"),
    "a.tdms": (tdms, "g"),
    "a.h5": (hdf5, "m/s2"),
    "v73.mat": (matlab_73, None),
    "v5.mat": (matlab_5, None),
    "a.parquet": (parquet, "g"),
}
