"""Clips with a person's label, as a data set that `train` reads as it is.

One data set a source, in the state directory: `dataset/SOURCE/LABEL/CLIP.flac` and its
`manifest.csv`. Clips of the same minutes are of the same split, so that no training is judged by
what it has heard.
"""

import csv
import datetime
import io
import json
import re
import shutil
import threading
from pathlib import Path

import msgspec
import soundfile

from agent.core import files
from agent.core.errors import ConditionError, UserError
from agent.jobs import manifest
from agent.pipeline import clip as clips
from agent.pipeline.clip import Clip

FOLDER = "dataset"  # in the state directory
LABEL = re.compile(r"\w[\w .-]{0,62}")  # a folder's name on every system
SAME_SESSION_S = 60.0  # between two clips: they share signal, or nearly
MIN_FREE_BYTES = 200 * 2**20  # of the disk, left to others
CODES = 2.0**15  # the manifest's scale is of a 16-bit code


class LabelledClip(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the manifest, as far as it is used here."""

    file: str
    label: str
    split: str
    start: str


class LabelledClips:
    """The data sets of all sources; for any thread."""

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir / FOLDER
        self._lock = threading.Lock()

    def folder(self, source: str) -> Path:
        """The data set of that source."""
        return self._root / source

    def labels(self, source: str) -> dict[str, int]:
        """How many clips have each label."""
        counts: dict[str, int] = {}
        for row in _rows(self.folder(source)):
            counts[row.label] = counts.get(row.label, 0) + 1
        return counts

    def put(self, clip: Path, source: str, label: str, rpm: float | None) -> None:
        """Takes a copy of the clip into the data set, in the place of one with another label.

        `UserError` for a label that is no folder's name, `ConditionError` where the disk is full.
        """
        with self._lock:
            data = _content(clip)
            self._put(clip.name, data, source, label, rpm)

    def add(self, clip: Clip, label: str, rpm: float | None) -> None:
        """Takes a clip that is no file yet into the data set; errors as `put`."""
        with self._lock:
            self._put(clip.name, clips.encode(clip), clip.source, label, rpm)

    def remove(self, clip: str, source: str) -> None:
        """Takes the clip of that file name out of the data set, if it is there."""
        with self._lock:
            self._remove(self.folder(source), clip)

    def _put(self, name: str, data: bytes, source: str, label: str, rpm: float | None) -> None:
        if not LABEL.fullmatch(label):
            raise UserError(f"label: found {label[:80]!r}, expected letters, digits, '-' and '_'")
        folder = self.folder(source)
        try:
            files.make_folder(folder / label)
            if shutil.disk_usage(folder).free - len(data) < MIN_FREE_BYTES:
                free = MIN_FREE_BYTES >> 20
                raise ConditionError(f"{folder}: the disk has less than {free} MiB free")
            self._remove(folder, name)
            row = _row(folder, name, data, source, label, rpm)
            files.write(folder / label / name, data)
            manifest.append(folder, row)
        except OSError as error:
            raise ConditionError(f"{folder}: cannot be written: {error.strerror}") from None

    def _remove(self, folder: Path, name: str) -> None:
        """First from the list, so that it never names a file that is not there."""
        listed = folder / manifest.NAME
        if not listed.is_file():
            return
        with listed.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            columns, rows = list(reader.fieldnames or manifest.COLUMNS), list(reader)
        gone = [row for row in rows if Path(row["file"]).name == name]
        if not gone:
            return
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if row not in gone)
        files.write(listed, out.getvalue().encode())
        for row in gone:
            (folder / row["file"]).unlink(missing_ok=True)


def _content(clip: Path) -> bytes:
    try:
        with files.open_regular(clip) as stream:
            return stream.read()
    except OSError as error:
        raise ConditionError(f"{clip.name}: cannot be read: {error.strerror}") from None


def _row(
    folder: Path, name: str, data: bytes, source: str, label: str, rpm: float | None
) -> dict[str, str]:
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        comment = json.loads(sound.comment or "{}")
        channels, seconds = sound.channels, sound.frames / sound.samplerate
        rate_hz = float(comment.get("rate_hz", sound.samplerate))
    factor, start = float(comment.get("scale", 1.0)) / CODES, str(comment.get("t_start", ""))
    return {
        "file": f"{label}/{name}",
        "label": label,
        "split": _split(folder, label, start),
        "rate_hz": f"{rate_hz:.10g}",
        "scale": "|".join([repr(factor)] * channels),
        "unit": str(comment.get("unit", "")),
        "rpm": "" if rpm is None else f"{rpm:g}",
        "seconds": f"{seconds:.3f}",
        "source": source,
        "start": start,
    }


def _split(folder: Path, label: str, start: str) -> str:
    """That of a clip of the same minutes, else the one whose turn it is for the label."""
    for row in _rows(folder):
        if row.label == label and abs(_seconds(row.start) - _seconds(start)) < SAME_SESSION_S:
            return row.split
    return manifest.split(folder, label)


def _seconds(start: str) -> float:
    """Unix time; infinite where it is not known."""
    try:
        return datetime.datetime.fromisoformat(start).timestamp()
    except ValueError:
        return float("inf")


def _rows(folder: Path) -> list[LabelledClip]:
    listed = folder / manifest.NAME
    if not listed.is_file():
        return []
    with listed.open(newline="", encoding="utf-8") as stream:
        return [msgspec.convert(row, LabelledClip) for row in csv.DictReader(stream)]
