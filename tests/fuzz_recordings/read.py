"""Reads one file as the agent does and as training does; counts what comes of many."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.acquisition.conditioning import Conditioner
from agent.acquisition.ring_buffer import Ring
from agent.core.errors import DamagedError, DataError, UserError
from agent.sources import file
from agent.sources.formats import table
from models.data import recordings
from models.data.listing import Entry
from models.data.recipe import Source
from tests.fuzz_recordings.mutants import BY_LIBRARY, RATE_HZ

HANG_S = 5.0


class HungError(BaseException):
    """A file took longer than `HANG_S`."""


@dataclass
class Counts:
    """What came of the mutants of one format."""

    cases: int = 0
    read: int = 0  # to their end, by the agent
    damaged: int = 0  # read up to where they are damaged
    escaped: dict[str, str] = field(default_factory=dict)  # error: the place in our code
    hangs: int = 0
    slowest_s: float = 0.0
    rss_mib: float = 0.0  # the peak of the process


def read_all(name: str, mutants: Iterator[bytes], folder: Path) -> Counts:
    """Reads each mutant as a file of that format."""
    counts = Counts()
    for data in mutants:
        counts.cases += 1
        path = folder / f"{counts.cases}.{name}"  # HDF5 takes a file of the same name for the last
        path.write_bytes(data)
        began_s = time.perf_counter()
        try:
            with _limited():
                (_count_by_library if name in BY_LIBRARY else _count)(path, counts)
        except HungError:
            counts.hangs += 1
        except Exception as error:  # noqa: BLE001 - what must not happen is counted
            counts.escaped.setdefault(f"{type(error).__name__}: {error}"[:120], _place(error))
        path.unlink()
        counts.slowest_s = max(counts.slowest_s, time.perf_counter() - began_s)
    counts.rss_mib = _peak_mib()
    return counts


def _count_by_library(path: Path, counts: Counts) -> None:
    """As the child process reads it, which tells whatever a library raises in one line."""
    item = table.format_of(path)
    assert item is not None
    with contextlib.suppress(Exception):
        recording = table.reader(path, item)(path, "")
        while len(recording.read(8192)):
            pass
        recording.close()
        counts.read += 1


def _peak_mib() -> float:
    """Of this program alone; `getrusage` begins with what its parent held when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _count(path: Path, counts: Counts) -> None:
    try:
        if path.suffix != ".mat":
            _as_agent(path)
            counts.read += 1
    except DamagedError:
        counts.damaged += 1
    except UserError:
        pass
    entry = Entry(path, "normal", "train", 0.0, ())
    with contextlib.suppress(UserError, DamagedError):
        recordings.read(entry, Source("", rate_hz=RATE_HZ), RATE_HZ)
        counts.read += path.suffix == ".mat"


def _as_agent(path: Path) -> None:
    """Reads the file to its end through the conditioner, at 10 kHz."""
    try:
        source = file.open_source(file.Options(path=str(path), pace="fast", block=8192))
    except UserError as error:
        if isinstance(error, DataError):
            raise
        options = file.Options(path=str(path), pace="fast", block=8192, rate_hz=RATE_HZ)
        source = file.open_source(options)
    channels = tuple(range(source.format.channels))
    ring = Ring(RATE_HZ, len(channels), lambda: None)
    conditioner = Conditioner(source.format, ring, RATE_HZ, channels, 1.0)
    ring.expect(2**62, 1)  # nobody waits for what is overwritten
    while (block := source.read()) is not None:
        conditioner.push(block)
    source.close()


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def hung(*_: Any) -> None:
        raise HungError

    signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _place(error: BaseException) -> str:
    """The innermost line of our own code."""
    place, at = "", error.__traceback__
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        if "/agent/" in name or "/models/" in name:
            place = f"{Path(name).name}:{at.tb_lineno}"
        at = at.tb_next
    return place
