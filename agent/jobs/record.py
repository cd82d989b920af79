"""Records a source into a data set that training reads: sound files and their `manifest.csv`.

What was lost is in no file: behind a gap a new one begins, so that no recording is spliced. All
files of one session have the same split, since they are of the same machine in the same minute.
"""

import datetime
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from agent.acquisition.sample_clock import SampleClock
from agent.core.types import Block, Format, Samples
from agent.jobs import manifest

SHORTEST_S = 1.0  # a shorter piece between two gaps is left out
FLAC_HZ = 655_350  # the highest rate that FLAC has
CODES = 2.0**15  # the manifest's scale is of a 16-bit code


@dataclass(frozen=True)
class Session:
    """What is the same for all files of one recording."""

    folder: Path
    label: str
    split: str
    source: str
    began: datetime.datetime  # in the names of its files
    scale: float = 1.0
    unit: str = ""
    rpm: float | None = None


@dataclass
class Tally:
    """What has been recorded so far."""

    frames: int = 0  # in files, and in the one being written
    lost: int = 0
    gaps: int = 0
    short: int = 0  # pieces that were left out
    clipped: int = 0
    peak: float = 0.0  # of the last block
    rms: float = 0.0
    files: list[str] = field(default_factory=list)


class Recorder:
    """Takes blocks as a source delivers them; a context manager, which keeps what there is."""

    def __init__(self, session: Session, found: Format) -> None:
        self.tally = Tally()
        self._session = session
        self._format = found
        now_s = time.monotonic()
        self._sample_clock = (
            SampleClock(found.rate_hz, now_s, found.counted) if found.live else None
        )
        self._piece: Piece | None = None

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.cut()

    def take(self, block: Block) -> None:
        """Writes a block, behind a gap into a new file; numbers that are none are a gap, too."""
        broken = np.flatnonzero(~np.isfinite(block.samples).all(axis=1))
        samples = block.samples[broken[-1] + 1 :] if len(broken) else block.samples
        lost = block.lost + self._late(block) + len(block.samples) - len(samples)
        if lost:
            self.tally.lost += lost
            self.tally.gaps += 1
            self.cut()
        if not len(samples):
            return
        self._measure(samples)
        if self._piece is None:
            self._piece = Piece(self._session, self._format)
        self._piece.write(samples)
        self.tally.frames += len(samples)

    def cut(self) -> None:
        """Ends the file; what comes next does not follow on it."""
        piece, self._piece = self._piece, None
        if piece is None:
            return
        if piece.frames < SHORTEST_S * self._format.rate_hz:
            piece.discard()
            self.tally.frames -= piece.frames
            self.tally.short += 1
        else:
            self.tally.files.append(piece.keep())

    def _late(self, block: Block) -> int:
        """Frames that the clock misses before these."""
        if self._sample_clock is None:
            return 0
        self._sample_clock.lose(block.lost)
        frames = len(block.samples)
        return self._sample_clock.arrived(frames, time.monotonic()) if frames else 0

    def _measure(self, samples: Samples) -> None:
        tally, size = self.tally, np.abs(samples)
        tally.peak, tally.rms = float(size.max()), float(np.sqrt(np.mean(np.square(samples))))
        if self._format.full_scale is not None:
            tally.clipped += int((size >= self._format.full_scale).any(axis=1).sum())


class Piece:
    """One file: FLAC where samples have a full scale, else WAV with floats, which has none."""

    def __init__(self, session: Session, found: Format) -> None:
        self.frames = 0
        self._session, self._format = session, found
        self._start = datetime.datetime.now(datetime.UTC)
        whole = found.full_scale is not None and found.rate_hz <= FLAC_HZ
        self._integer = whole
        bits = "PCM_16" if found.full_scale == 1.0 - 2.0**-15 else "PCM_24"
        stem = f"{session.label}-{session.began:%Y%m%dT%H%M%S}"
        names = (f"{stem}-{at}.{'flac' if whole else 'wav'}" for at in itertools.count(1))
        self._path = next(path for name in names if not (path := session.folder / name).exists())
        self._file = soundfile.SoundFile(
            self._path,
            "w",
            max(1, round(found.rate_hz)),
            found.channels,
            bits if whole else "FLOAT",
        )

    def write(self, samples: Samples) -> None:
        self.frames += len(samples)
        if self._integer:  # as codes: libsndfile's own way from floats loses the last bit
            codes = np.clip(samples.astype(np.float64) * 2.0**31, -(2.0**31), 2.0**31 - 1)
            self._file.write(codes.astype(np.int32))
        else:
            self._file.write(samples)

    def keep(self) -> str:
        """Closes the file and notes it in the manifest; its name."""
        self._file.close()
        manifest.append(self._session.folder, self._row())
        return self._path.name

    def discard(self) -> None:
        self._file.close()
        self._path.unlink()

    def _row(self) -> dict[str, str]:
        session, rate_hz = self._session, self._format.rate_hz
        return {
            "file": self._path.name,
            "label": session.label,
            "split": session.split,
            "rate_hz": f"{rate_hz:.10g}",
            "scale": _scale(session.scale, self._format.channels),
            "unit": session.unit,
            "rpm": "" if session.rpm is None else f"{session.rpm:g}",
            "seconds": f"{self.frames / rate_hz:.3f}",
            "source": session.source,
            "start": f"{self._start.isoformat(timespec='milliseconds')}",
        }


def _scale(factor: float, channels: int) -> str:
    """As the manifest has it; nothing where there is none."""
    return "" if factor == 1.0 else "|".join([repr(factor / CODES)] * channels)
