"""Records a source into a data set for training: sound files and their `manifest.csv`.

A new file begins behind each gap, so that no recording is spliced. All files of one session have
the same split, since they are of the same machine in the same minute.
"""

import datetime
import itertools
import time
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
import soundfile

from agent.acquisition.sample_clock import SampleClock
from agent.core.types import Block, Format, Samples
from agent.jobs import manifest

SHORTEST_S = 1.0  # a shorter piece between two gaps is discarded
FLAC_HZ = 655_350  # the highest rate that FLAC has
CODES = 2.0**15  # the manifest's scale is of a 16-bit code


class Session(msgspec.Struct, frozen=True):
    """The properties of one recording, the same for all its files."""

    folder: Path
    label: str
    split: str
    source: str
    began: datetime.datetime  # in the names of its files
    scale: float = 1.0
    unit: str = ""
    rpm: float | None = None


class Tally(msgspec.Struct):
    """Counts of one recording so far."""

    frames: int = 0  # written, also to the unfinished file
    lost: int = 0
    gaps: int = 0
    short: int = 0  # pieces that were too short to keep
    clipped: int = 0
    peak: float = 0.0  # of the last block
    rms: float = 0.0
    files: list[str] = []


class Recorder:
    """Writes the blocks of a source to files; a context manager, which finishes the last one."""

    def __init__(self, session: Session, format: Format) -> None:
        self.tally = Tally()
        self._session = session
        self._format = format
        now_s = time.monotonic()
        self._sample_clock = (
            SampleClock(format.rate_hz, now_s, format.counted) if format.live else None
        )
        self._piece: Piece | None = None

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.cut()

    def take(self, block: Block) -> None:
        """Writes a block; begins a new file behind a gap. NaN and infinity count as a gap, too."""
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
        """Ends the file; the next block begins a new one."""
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
        """The number of frames that are missing before these, by the clock."""
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
    """One file: FLAC for samples with a full scale, else WAV with floats."""

    def __init__(self, session: Session, format: Format) -> None:
        self.frames = 0
        self._session, self._format = session, format
        self._start = datetime.datetime.now(datetime.UTC)
        self._integer = format.full_scale is not None and format.rate_hz <= FLAC_HZ
        bits = "PCM_16" if format.full_scale == 1.0 - 2.0**-15 else "PCM_24"
        stem = f"{session.label}-{session.began:%Y%m%dT%H%M%S}"
        names = (f"{stem}-{at}.{'flac' if self._integer else 'wav'}" for at in itertools.count(1))
        self._path = next(path for name in names if not (path := session.folder / name).exists())
        self._file = soundfile.SoundFile(
            self._path,
            "w",
            max(1, round(format.rate_hz)),
            format.channels,
            bits if self._integer else "FLOAT",
        )

    def write(self, samples: Samples) -> None:
        self.frames += len(samples)
        if self._integer:  # as codes: libsndfile loses the last bit of floats
            codes = np.clip(samples.astype(np.float64) * 2.0**31, -(2.0**31), 2.0**31 - 1)
            self._file.write(codes.astype(np.int32))
        else:
            self._file.write(samples)

    def keep(self) -> str:
        """Closes the file and adds it to the manifest; returns its name."""
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
    """The manifest's text for a scale; empty for 1."""
    return "" if factor == 1.0 else "|".join([repr(factor / CODES)] * channels)
