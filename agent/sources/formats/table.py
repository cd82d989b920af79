"""The formats that need a library, by suffix."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec

from agent.core import extras
from agent.core.errors import DataError, UserError
from agent.sources.formats.recording import Recording

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
READERS = "agent.sources.formats"
HDF5_OFFSETS = (0, 512, 1024, 2048)  # where it may stand; MATLAB 7.3 puts 512 bytes before it


class FileFormat(msgspec.Struct, frozen=True):
    """A format and its reader."""

    name: str
    module: str  # its reader
    package: str  # that the reader imports
    project: str  # by which pip knows it
    suffixes: tuple[str, ...]


UFF = FileFormat("UFF58", f"{READERS}.uff", "pyuff", "pyuff", (".uff", ".unv", ".uf", ".bunv"))
TDMS = FileFormat("TDMS", f"{READERS}.tdms", "nptdms", "npTDMS", (".tdms",))
HDF5 = FileFormat("HDF5", f"{READERS}.hdf5", "h5py", "h5py", (".h5", ".hdf5", ".hdf"))
MATLAB = FileFormat("MATLAB", f"{READERS}.matlab", "scipy", "scipy", (".mat",))
PARQUET = FileFormat("Parquet", f"{READERS}.parquet", "pyarrow", "pyarrow", (".parquet", ".pq"))
FORMATS = (UFF, TDMS, HDF5, MATLAB, PARQUET)
SUFFIXES = tuple(suffix for item in FORMATS for suffix in item.suffixes)


def format_of(path: Path) -> FileFormat | None:
    """The format of the file by its suffix; None: libsndfile, NPY or CSV."""
    suffix = path.suffix.lower()
    by_suffix = next((item for item in FORMATS if suffix in item.suffixes), None)
    return HDF5 if by_suffix is MATLAB and _is_hdf5(path) else by_suffix


def check_installed(path: Path, item: FileFormat) -> None:
    """`UserError`, which names what to install, where the format's library is missing."""
    if find_spec(item.package) is None:
        install = extras.install("formats")
        raise UserError(f"{path}: {item.name} needs {item.project}: {install}")


def reader(path: Path, item: FileFormat) -> Callable[[Path, str], Recording]:
    """What reads the format, in this process; `UserError` where its library is missing."""
    check_installed(path, item)
    open_file: Callable[[Path, str], Recording] = importlib.import_module(item.module).open_file
    return open_file


def _is_hdf5(path: Path) -> bool:
    """Whether a MATLAB file is one of version 7.3."""
    try:
        with path.open("rb") as file:
            start = file.read(HDF5_OFFSETS[-1] + len(HDF5_MAGIC))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return any(start[at : at + len(HDF5_MAGIC)] == HDF5_MAGIC for at in HDF5_OFFSETS)
